#include "reports/render/html_parts.hpp"

#include "reports/render/escape.hpp"
#include "reports/render/page_assets.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/plan/print/text_table.hpp"

namespace shardproof::reports {

std::string fill(std::string_view page,
                 const std::map<std::string, std::string, std::less<>>& parts) {
  std::string filled;
  for (std::size_t at = 0; at < page.size();) {
    const std::size_t open = page.find("{{", at);
    if (open == std::string_view::npos) return filled.append(page.substr(at));
    const std::size_t close = page.find("}}", open);
    const auto part = parts.find(page.substr(open + 2, close - open - 2));
    SHARDPROOF_EXPECTS(part != parts.end(), "the page has an unknown part at", open);
    filled.append(page.substr(at, open - at)).append(part->second);
    at = close + 2;
  }
  return filled;
}

std::string shortened(const std::string& text, std::size_t max_bytes) {
  if (text.size() <= max_bytes) return text;
  const std::size_t end = text.rfind('\n', max_bytes);
  return text.substr(0, end == std::string::npos ? max_bytes : end) + "\n... (" +
         with_thousands(std::ssize(text)) + " bytes in all)";
}

std::string page_of(const Page& page) {
  const auto line = [](const char* before, const std::string& html, const char* after) {
    return html.empty() ? "" : before + html + after;
  };
  return fill(frame_html(),
              {{"script_policy", page.script.empty() ? "" : "; script-src 'unsafe-inline'"},
               {"title", html_escaped(page.title)},
               {"css", std::string(page_css())},
               {"look", page.look},
               {"kind", html_escaped(page.kind)},
               {"badge", html_escaped(page.badge)},
               {"subject", html_escaped(page.subject)},
               {"headline", line("<p class=\"headline\">", html_escaped(page.headline), "</p>\n")},
               {"nav", line("<nav aria-label=\"Sections\">\n", page.nav, "</nav>\n")},
               {"main", page.main},
               {"script", line("<script>\n", page.script, "\n</script>\n")}});
}

void Terms::add(const std::string& term, const std::string& value) {
  if (!value.empty()) html_ += "<dt>" + html_escaped(term) + "</dt><dd>" + value + "</dd>\n";
}

std::string code(const std::string& text) {
  return text.empty() ? "" : "<code>" + html_escaped(text) + "</code>";
}

std::string scrolled_table(const std::string& name, const std::string& titles,
                           const std::string& rows) {
  return "<div class=\"scroll tall\" tabindex=\"0\" role=\"region\" aria-label=\"" +
         html_escaped(name) + "\"><table><thead><tr>" + titles + "</tr></thead><tbody>\n" + rows +
         "</tbody></table></div>";
}

std::string rows_left_out(std::size_t rows) {
  if (rows <= max_table_rows) return "";
  return "<p><strong>The first " + with_thousands(max_table_rows) + " of " +
         with_thousands(static_cast<std::int64_t>(rows)) + " rows.</strong></p>\n";
}

std::string folded_html(const std::string& title, const std::string& html) {
  return "<details><summary>" + html_escaped(title) + "</summary>\n" + html + "</details>\n";
}

std::string section_html(const std::string& id, const std::string& title, const std::string& html) {
  if (html.empty()) return "";
  return "<section id=\"" + id + "\"><h2>" + html_escaped(title) + "</h2>\n" + html +
         "</section>\n";
}

std::string folded_section_html(const std::string& id, const std::string& title,
                                const std::string& html) {
  if (html.empty()) return "";
  return "<section><details><summary><h2>" + html_escaped(title) + "</h2></summary>\n<div id=\"" +
         id + "\">\n" + html + "</div></details></section>\n";
}

}  // namespace shardproof::reports
