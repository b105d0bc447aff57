// Behind library.hpp, for unit tests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
