#include "reports/render/escape.hpp"

namespace shardproof::reports {

std::string html_escaped(std::string_view text) {
  std::string html;
  html.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&': html += "&amp;"; break;
      case '<': html += "&lt;"; break;
      case '>': html += "&gt;"; break;
      case '"': html += "&quot;"; break;
      case '\'': html += "&#39;"; break;
      case '\n':
      case '\t': html += c; break;
      default: html += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
    }
  }
  return html;
}

std::string script_escaped(std::string_view json) {
  std::string script;
  script.reserve(json.size());
  for (std::size_t i = 0; i < json.size(); ++i) {
    const std::string_view rest = json.substr(i, 3);
    if (json[i] == '<') {
      script += "\\u003c";
    } else if (rest == "\xe2\x80\xa8" || rest == "\xe2\x80\xa9") {
      script += rest.back() == '\xa8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      script += json[i];
    }
  }
  return script;
}

}  // namespace shardproof::reports
