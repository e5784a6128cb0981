#pragma once

#include <string>

namespace shardproof {

/// A folder that is replaced as a whole. The new one is written to PATH.part; then the old one
/// moves to PATH.old, the new one takes its place, and the old one goes. Killed at any moment, that
/// leaves one of the two whole: at PATH, or, between the two moves, the old one at PATH.old.
///
/// Folders that hold something else are never replaced: ours are told by a file in them.
class FolderReplacement {
 public:
  struct Kind {
    std::string marker;  // the file that tells ours
    std::string what;    // "results of shardproof", for messages
  };
  FolderReplacement(std::string path, Kind kind);

  /// PATH.part.
  static std::string part_of(const std::string& path);
  /// Where what is whole is: PATH, or PATH.old if a replacement was killed between its moves.
  static std::string whole(const std::string& path);

  /// Ends a replacement that was killed, and creates an empty PATH.part but for the marker, which
  /// says `text`. Throws ScenarioError if PATH, PATH.part or PATH.old is something else than ours,
  /// EnvironmentError if the file system refuses.
  void begin(const std::string& text);
  /// Takes PATH.part away again.
  void drop();
  /// Puts PATH.part in place; everything in it should lie on the disk by then.
  void put_in_place();
  /// Puts it at another path instead, in the place of what of ours lies there; PATH stays. Throws
  /// as begin does.
  void put_beside(const std::string& other);

 private:
  bool is_ours(const std::string& path) const;
  void expect_replaceable(const std::string& path) const;
  void finish_interrupted_replacement();

  std::string path_;
  Kind kind_;
};

}  // namespace shardproof
