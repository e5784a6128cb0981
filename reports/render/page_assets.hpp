#pragma once

#include <string_view>

namespace shardproof::reports {

/// page.html, page.css and page.js, embedded when the program is built.
std::string_view page_html();
std::string_view page_css();
std::string_view page_js();

}  // namespace shardproof::reports
