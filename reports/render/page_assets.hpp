#pragma once

#include <string_view>

namespace shardproof::reports {

/// The files of these names, embedded when the program is built: the frame of every page, the table
/// of tensors of a report, the sections of a comparison, how they look, and the script of a report.
std::string_view frame_html();
std::string_view tensors_html();
std::string_view page_css();
std::string_view page_js();
std::string_view comparison_page_html();

}  // namespace shardproof::reports
