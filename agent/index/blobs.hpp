// The blobs below a tag's manifests: each looked at once, however many platforms share it.
#pragma once

#include "agent/index/tree.hpp"

namespace nodeproof::index {

// Fetches and hashes every config and holds it against its manifest and its entry in the index.
void check_configs(Questions& questions, Tree& tree);

// Every layer: read and hashed when it is small or when all are to be, else by its last byte.
void check_layers(Questions& questions, Tree& tree);

}  // namespace nodeproof::index
