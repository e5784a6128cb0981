#pragma once

#include <string>
#include <string_view>

namespace shardproof::reports {

/// Text as HTML shows it, in an element or in an attribute between quotes: & < > " ' are spelled
/// out, control characters become '?'. Line breaks stay.
std::string html_escaped(std::string_view text);

/// JSON that can stand inside a <script> element: no '<' (so no "</script", no "<!--") and no
/// U+2028 or U+2029, each spelled \uXXXX, which a JSON string allows.
std::string script_escaped(std::string_view json);

}  // namespace shardproof::reports
