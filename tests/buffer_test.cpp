// Memory for arrays: what has an address, and what has none.
#include "math/buffer.h"

#include <gtest/gtest.h>

#include "core/arena.h"
#include "core/blob.h"

namespace crema {
namespace {

TEST(Buffer, OfNoElementsHasAnAddress) {
  EXPECT_EQ(Buffer().data(), nullptr);
  EXPECT_NE(Buffer(0).data(), nullptr);
  Buffer grown, resized;
  grown.grow(0);
  resized.resize(0);
  EXPECT_NE(grown.data(), nullptr);
  EXPECT_NE(resized.data(), nullptr);
  EXPECT_NE(Arena().data(), nullptr);
  Blob blob(Shape{3, 0, 2});
  blob.allocate();
  EXPECT_NE(std::as_const(blob).data(), nullptr);
  EXPECT_NE(blob.diff(), nullptr);
}

TEST(Buffer, KeepsItsMemoryWhileItsRoomIsEnough) {
  Buffer empty(0);
  const real* address = empty.data();
  empty.grow(0);
  empty.resize(0);
  EXPECT_EQ(empty.data(), address);
  Buffer buffer(5, 2);
  address = buffer.data();
  buffer.resize(0);
  buffer.grow(5);
  EXPECT_EQ(buffer.data(), address);
  EXPECT_EQ(buffer[4], 2);
}

TEST(Buffer, PlannedHasASizeAndNoAddress) {
  const PlannedMemory planned;
  Buffer made(4), grown, empty(0);
  grown.grow(1L << 50);
  EXPECT_EQ(made.data(), nullptr);
  EXPECT_EQ(made.size(), 4);
  EXPECT_EQ(grown.data(), nullptr);
  EXPECT_EQ(grown.size(), 1L << 50);
  EXPECT_EQ(empty.data(), nullptr);
}

}  // namespace
}  // namespace crema
