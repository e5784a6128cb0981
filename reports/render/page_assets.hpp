#pragma once

#include <string_view>

namespace shardproof::reports {

/// page.html, page.css, page.js, comparison.html and suite.html, embedded when the program is
/// built.
std::string_view page_html();
std::string_view page_css();
std::string_view page_js();
std::string_view comparison_page_html();
std::string_view suite_page_html();

}  // namespace shardproof::reports
