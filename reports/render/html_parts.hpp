#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>

/// What the pages are put together from.
namespace shardproof::reports {

/// Puts `parts` where the template says {{name}}. What is put in is not looked at again.
std::string fill(std::string_view page,
                 const std::map<std::string, std::string, std::less<>>& parts);

/// A page: its head, and `main`, which is HTML. Without a script none may run.
struct Page {
  std::string kind;      // "report"
  std::string title;     // text, as all of these but the last three
  std::string look;      // how it is coloured: a verdict
  std::string badge;     // "FAIL"
  std::string subject;   // of which it is
  std::string headline;  // one sentence; "": none
  std::string nav, main, script = {};
};
std::string page_of(const Page& page);

/// Cuts what would make the page too large, and says so.
std::string shortened(const std::string& text, std::size_t max_bytes);

/// A list of terms and what they are; `value` is HTML.
class Terms {
 public:
  void add(const std::string& term, const std::string& value);
  std::string html() const { return html_.empty() ? "" : "<dl>\n" + html_ + "</dl>\n"; }

 private:
  std::string html_;
};

std::string code(const std::string& text);

/// A table in a box that scrolls, named for who does not see it; `titles` and `rows` are HTML.
std::string scrolled_table(const std::string& name, const std::string& titles,
                           const std::string& rows);
/// How many rows of numbers such a table has at most: the others are in summary.json, or in the
/// traces.
inline constexpr std::size_t max_table_rows = 1000;
/// Says that only so many of `rows` are shown; "" if all are.
std::string rows_left_out(std::size_t rows);

/// What is folded until it is asked for; `title` is text, `html` is HTML.
std::string folded_html(const std::string& title, const std::string& html);

/// A section of a page with its title; "" if there is nothing in it. A link to a folded one opens
/// it.
std::string section_html(const std::string& id, const std::string& title, const std::string& html);
std::string folded_section_html(const std::string& id, const std::string& title,
                                const std::string& html);

}  // namespace shardproof::reports
