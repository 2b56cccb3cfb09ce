// Numbers below 1e-38, taken for zero while an object of this class lives: they cost a hundred times as much as others.
#pragma once

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

namespace swinkit {

class FlushingDenormals {
  public:
#if defined(__SSE__)
    FlushingDenormals() : before(_mm_getcsr()) { _mm_setcsr(before | 0x8040); }
    ~FlushingDenormals() { _mm_setcsr(before); }

  private:
    const unsigned before;
#endif
};

} // namespace swinkit
