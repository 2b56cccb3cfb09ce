// exp and GELU, a vector at a time.
#pragma once

namespace swinkit::SWK_TARGET { namespace {

// eˣ for x ≤ 0, to one unit in the last place; 0 below −88. Not a number stays so.
//
// x = n·ln 2 + r with |r| ≤ ½ ln 2; ln 2 in two parts, so that n·ln 2 is exact. The polynomial is the minimax
// of eʳ, relative error 1.9e-9.
inline V exponential(V x) {
    x = larger(all(-88.0f), x);
    const V n = rounded(x * all(1.44269504f));
    const V r = fma(n, all(-1.42860677e-6f), fma(n, all(-0.693145752f), x));
    V p = all(0x1.6ab98p-10f);
    p = fma(p, r, all(0x1.126d0cp-7f));
    p = fma(p, r, all(0x1.55589ap-5f));
    p = fma(p, r, all(0x1.55540ap-3f));
    p = fma(p, r, all(0x1.fffffap-2f));
    p = fma(p, r, all(1.0f));
    p = fma(p, r, all(1.0f));
    return times_power_of_two(p, n);
}

// x·Φ(x) = max(x, 0) − |x|·Φ(−|x|) with the normal distribution Φ(−a) = exp(−a²/2)·g(1/(1 + 0.36·a)).
//
// Written so, the small values of the left tail are computed, not left over from a difference: the relative
// error stays below 1e-6 down to x = −5.5, where the usual polynomials of erf have lost every digit.
inline V gelu(V x) {
    const V a = smaller(all(13.0f), magnitude(x));
    const V t = reciprocal(fma(a, all(0.36f), all(1.0f)));
    V g = all(-1.194358936e-02f);
    g = fma(g, t, all(1.018227098e-01f));
    g = fma(g, t, all(-2.851251378e-01f));
    g = fma(g, t, all(2.915435399e-01f));
    g = fma(g, t, all(-4.241123654e-02f));
    g = fma(g, t, all(1.657684387e-01f));
    g = fma(g, t, all(1.359719475e-01f));
    g = fma(g, t, all(1.444076884e-01f));
    g = fma(g, t, all(-3.424469808e-05f));
    return larger(all(0.0f), x) - a * (exponential(all(-0.5f) * a * a) * g);
}

// The same for results that are rounded to eight bits, in a third of the time: Φ(−a) is the 32nd power of a
// polynomial. Its relative error of 2e-4 is a tenth of that rounding; below x = −5.5 the result stays at −1e-7.
inline V quick_gelu(V x) {
    const V a = smaller(all(5.5f), magnitude(x));
    V p = all(-1.08598642e-05f);
    p = fma(p, a, all(2.27448065e-04f));
    p = fma(p, a, all(-8.17233755e-04f));
    p = fma(p, a, all(-9.53665283e-03f));
    p = fma(p, a, all(-2.43395101e-02f));
    p = fma(p, a, all(9.78566825e-01f));
    for (int i = 0; i < 5; i++) p = p * p;
    return larger(all(0.0f), x) - a * p;
}

}} // namespace
