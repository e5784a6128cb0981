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
    SHARDPROOF_EXPECTS(part != parts.end(), "page.html has an unknown part at", open);
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

}  // namespace shardproof::reports
