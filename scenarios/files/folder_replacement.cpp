#include "scenarios/files/folder_replacement.hpp"

#include <filesystem>

#include "scenarios/errors.hpp"
#include "scenarios/files/durable_file.hpp"
#include "scenarios/files/text_file.hpp"

namespace shardproof {

namespace fs = std::filesystem;

namespace {

void check(const std::error_code& error, const std::string& path, const std::string& what) {
  if (error) throw EnvironmentError(path + ": " + what + ": " + error.message());
}

void erase(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  check(error, path.string(), "cannot be removed");
}

// The marker goes last: what a kill leaves of the folder can still be told to be ours.
void remove_folder(const std::string& path, const std::string& marker) {
  if (!fs::exists(path)) return;
  for (const fs::directory_entry& entry : fs::directory_iterator(path))
    if (entry.path().filename() != marker) erase(entry.path());
  erase(path);
}

void rename(const std::string& from, const std::string& to) {
  std::error_code error;
  fs::rename(from, to, error);
  check(error, from, "cannot be renamed to " + to);
}

std::string old_of(const std::string& path) { return path + ".old"; }

}  // namespace

FolderReplacement::FolderReplacement(std::string path, Kind kind)
    : path_(std::move(path)), kind_(std::move(kind)) {}

std::string FolderReplacement::part_of(const std::string& path) { return path + ".part"; }

std::string FolderReplacement::whole(const std::string& path) {
  return !fs::exists(path) && fs::exists(old_of(path)) ? old_of(path) : path;
}

void FolderReplacement::begin(const std::string& text) {
  finish_interrupted_replacement();
  const std::string part = part_of(path_);
  for (const std::string& path : {path_, part, old_of(path_)}) expect_replaceable(path);
  remove_folder(part, kind_.marker);
  std::error_code error;
  fs::create_directory(part, error);
  check(error, part, "cannot be created");
  const std::string marker = part + "/" + kind_.marker;
  write_text(marker, text);
}

void FolderReplacement::drop() { remove_folder(part_of(path_), kind_.marker); }

void FolderReplacement::put_in_place() {
  const std::string old = old_of(path_);
  remove_folder(old, kind_.marker);
  if (fs::exists(path_)) rename(path_, old);
  rename(part_of(path_), path_);
  const fs::path parent = fs::path(path_).parent_path();
  sync_folder(parent.empty() ? "." : parent.string());
  remove_folder(old, kind_.marker);
}

void FolderReplacement::put_beside(const std::string& other) {
  expect_replaceable(other);
  remove_folder(other, kind_.marker);
  rename(part_of(path_), other);
}

bool FolderReplacement::is_ours(const std::string& path) const {
  return fs::exists(path + "/" + kind_.marker);
}

void FolderReplacement::expect_replaceable(const std::string& path) const {
  if (!fs::exists(fs::symlink_status(path))) return;
  if (!fs::is_directory(path))
    throw ScenarioError(path + ": is a file, not a folder of " + kind_.what);
  if (is_ours(path) || fs::is_empty(path)) return;
  throw ScenarioError(path + ": exists and holds no " + kind_.what +
                      ": it is not replaced; choose another --out");
}

// One that was killed between its moves has moved the old folder away only.
void FolderReplacement::finish_interrupted_replacement() {
  const std::string old = old_of(path_);
  if (!is_ours(old)) return;
  if (fs::exists(path_)) {
    remove_folder(old, kind_.marker);
  } else {
    rename(old, path_);
  }
}

}  // namespace shardproof
