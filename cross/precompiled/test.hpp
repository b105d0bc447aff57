#include "library.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
