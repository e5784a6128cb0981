# cmake --install build/release --prefix X: the program with its man page, its completion for bash,
# its documents and the catalog (X/share/shardproof/catalog). Nothing of it needs the sources.
include(GNUInstallDirs)

# It keeps the libraries that it was linked with: another OpenBLAS adds in another order.
set_target_properties(shardproof PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)
install(TARGETS shardproof)
if(SHARDPROOF_HAS_CUDA)
  # Where the program looks for it (real/cuda/loaded.cpp).
  install(TARGETS shardproof_cuda DESTINATION ${CMAKE_INSTALL_BINDIR}/../lib)
endif()

# Both are made by the program from its own table of options, whenever it is linked.
set(manual ${PROJECT_BINARY_DIR}/manual)
file(MAKE_DIRECTORY ${manual})
add_custom_command(
  TARGET shardproof POST_BUILD
  COMMAND shardproof manual man >${manual}/shardproof.1
  COMMAND shardproof manual bash >${manual}/shardproof
  BYPRODUCTS ${manual}/shardproof.1 ${manual}/shardproof)
install(FILES ${manual}/shardproof.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${manual}/shardproof DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)

install(DIRECTORY scenarios/catalog DESTINATION ${CMAKE_INSTALL_DATADIR}/shardproof)
install(FILES README.md CHANGELOG.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR})
