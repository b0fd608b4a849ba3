// The kernels for one instruction set: included by kernels.cc once for each, inside a namespace of its own and under the
// compiler's target option, with LANES defined. Only built-in types may be used here: an inline function of the standard
// library instantiated under AVX-512 could be the copy that the linker keeps for everybody.
//
// A vector holds one value of LANES frames (structure of arrays), so the FFT is the scalar algorithm and needs no shuffles.
// Only loading transposes LANES x LANES tiles.

typedef float V __attribute__((vector_size(LANES * 4)));
typedef int32_t I __attribute__((vector_size(LANES * 4)));
typedef float LooseV __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef int32_t LooseI __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

#define INLINE static inline __attribute__((always_inline))

INLINE V load(const float* p) { return *reinterpret_cast<const LooseV*>(p); }
INLINE void store(float* p, V v) { *reinterpret_cast<LooseV*>(p) = v; }
INLINE V all(float value) { return V{} + value; }

template <int... Index>
struct Lanes {};
template <int N, int... Index>
struct MakeLanes : MakeLanes<N - 1, N - 1, Index...> {};
template <int... Index>
struct MakeLanes<0, Index...> {
  using type = Lanes<Index...>;
};

// Blocks of S lanes: the even ones (Odd = 0) or the odd ones of a and b, those of a in even places.
template <int S, int Odd, int... Index>
INLINE V blocks(V a, V b, Lanes<Index...>) {
#ifdef __clang__
  return __builtin_shufflevector(a, b, ((Index / S) % 2 == 0 ? Index + S * Odd : LANES + Index - S * (1 - Odd))...);
#else
  return __builtin_shuffle(a, b, I{((Index / S) % 2 == 0 ? Index + S * Odd : LANES + Index - S * (1 - Odd))...});
#endif
}
template <int S, int Odd>
INLINE V blocks(V a, V b) {
  return blocks<S, Odd>(a, b, typename MakeLanes<LANES>::type{});
}

template <int S>
INLINE void transposeStages(V* rows) {
  for (int i = 0; i < LANES; ++i) {
    if (i & S) continue;
    const V a = rows[i], b = rows[i + S];
    rows[i] = blocks<S, 0>(a, b);
    rows[i + S] = blocks<S, 1>(a, b);
  }
  if constexpr (S * 2 < LANES) transposeStages<S * 2>(rows);
}

struct Complex {
  V re, im;
};
INLINE Complex operator+(Complex a, Complex b) { return {a.re + b.re, a.im + b.im}; }
INLINE Complex operator-(Complex a, Complex b) { return {a.re - b.re, a.im - b.im}; }
INLINE Complex timesMinusI(Complex a) { return {a.im, -a.re}; }
INLINE Complex rotate(Complex a, const float* w) { return {a.re * w[0] - a.im * w[1], a.re * w[1] + a.im * w[0]}; }

// Discrete Fourier transforms of 8, 4 and 2 points in registers, outputs in natural order.
INLINE void dft8(Complex x[8]) {
  const V half = all(0.70710678118654752440f);
  const Complex s0 = x[0] + x[4], s1 = x[1] + x[5], s2 = x[2] + x[6], s3 = x[3] + x[7];
  const Complex d0 = x[0] - x[4], d1 = x[1] - x[5], d2 = timesMinusI(x[2] - x[6]), d3 = x[3] - x[7];
  const Complex e1 = {(d1.re + d1.im) * half, (d1.im - d1.re) * half};
  const Complex e3 = {(d3.im - d3.re) * half, -(d3.re + d3.im) * half};
  const Complex a = s0 + s2, b = s1 + s3, c = s0 - s2, d = timesMinusI(s1 - s3);
  const Complex p = d0 + d2, q = e1 + e3, r = d0 - d2, t = timesMinusI(e1 - e3);
  x[0] = a + b;
  x[4] = a - b;
  x[2] = c + d;
  x[6] = c - d;
  x[1] = p + q;
  x[5] = p - q;
  x[3] = r + t;
  x[7] = r - t;
}
INLINE void dft4(Complex x[4]) {
  const Complex a = x[0] + x[2], b = x[1] + x[3], c = x[0] - x[2], d = timesMinusI(x[1] - x[3]);
  x[0] = a + b;
  x[1] = c + d;
  x[2] = a - b;
  x[3] = c - d;
}

// Decimation in frequency of `points` values, depth first so that the blocks of later passes stay in the nearest cache.
static void fftBlock(Complex* data, int points, const float* twiddles) {
  if (points == 1) return;
  if (points == 2) {
    const Complex a = data[0], b = data[1];
    data[0] = a + b;
    data[1] = a - b;
    return;
  }
  if (points == 4) {
    dft4(data);
    return;
  }
  const int step = points / 8;
  for (int j = 0; j < step; ++j) {
    Complex x[8];
    for (int m = 0; m < 8; ++m) x[m] = data[j + m * step];
    dft8(x);
    data[j] = x[0];
    if (step == 1) {
      for (int m = 1; m < 8; ++m) data[m] = x[m];
    } else {
      const float* w = twiddles + 14 * j;
      for (int m = 1; m < 8; ++m) data[j + m * step] = rotate(x[m], w + 2 * (m - 1));
    }
  }
  if (step > 1) {
    for (int m = 0; m < 8; ++m) fftBlock(data + m * step, step, twiddles + 14 * step);
  }
}

// The first pass reads windowed samples of all frames, LANES consecutive ones (LANES / 2 complex values) at a time.
static void firstPass(const SpectrumPlan& plan, const float* const* frames, Complex* data) {
  const int step = plan.n / 16;
  const int group = step < LANES / 2 ? step : LANES / 2;
  const float* window = plan.window.data();
  V tile[8][LANES];
  for (int j0 = 0; j0 < step; j0 += group) {
    for (int m = 0; m < 8; ++m) {
      const int offset = 2 * (j0 + m * step);
      if (group == LANES / 2) {
        const V w = load(window + offset);
        for (int lane = 0; lane < LANES; ++lane) tile[m][lane] = load(frames[lane] + offset) * w;
        transposeStages<1>(tile[m]);
      } else {
        for (int i = 0; i < 2 * group; ++i)
          for (int lane = 0; lane < LANES; ++lane) tile[m][i][lane] = frames[lane][offset + i] * window[offset + i];
      }
    }
    for (int jj = 0; jj < group; ++jj) {
      Complex x[8];
      for (int m = 0; m < 8; ++m) x[m] = {tile[m][2 * jj], tile[m][2 * jj + 1]};
      dft8(x);
      const int j = j0 + jj;
      const float* w = plan.twiddles.data() + 14 * j;
      data[j] = x[0];
      for (int m = 1; m < 8; ++m) data[j + m * step] = step == 1 ? x[m] : rotate(x[m], w + 2 * (m - 1));
    }
  }
}

static size_t spectrumScratch(const SpectrumPlan& plan) {
  return static_cast<size_t>(plan.n + plan.n / 2 + 1) * LANES + LANES;
}

static void melPower(const SpectrumPlan& plan, const float* const* given, int count, float* scratch, float* out,
                     ptrdiff_t outStride) {
  const float* frames[LANES];
  for (int lane = 0; lane < LANES; ++lane) frames[lane] = given[lane < count ? lane : 0];
  const uintptr_t aligned =
      (reinterpret_cast<uintptr_t>(scratch) + LANES * 4 - 1) & ~static_cast<uintptr_t>(LANES * 4 - 1);
  Complex* data = reinterpret_cast<Complex*>(aligned);
  const int half = plan.n / 2;
  V* power = reinterpret_cast<V*>(data + half);

  firstPass(plan, frames, data);
  const int step = half / 8;
  if (step > 1) {
    for (int m = 0; m < 8; ++m) fftBlock(data + m * step, step, plan.twiddles.data() + 14 * step);
  }

  // The spectrum of the real signal from that of the half-length complex one.
  const int* position = plan.positions.data();
  const Complex zero = data[position[0]];
  const V low = zero.re + zero.im, high = zero.re - zero.im;
  power[0] = low * low * 4.0f;
  power[half] = high * high * 4.0f;
  for (int k = 1; k <= half / 2; ++k) {
    const Complex z = data[position[k]], c = data[position[half - k]];
    const float wr = plan.split[2 * k], wi = plan.split[2 * k + 1];
    const V ar = z.re + c.re, ai = z.im - c.im, dr = z.re - c.re, di = z.im + c.im;
    const V tr = di * wr + dr * wi, ti = di * wi - dr * wr;
    const V pr = ar + tr, pi = ai + ti, mr = ar - tr, mi = ai - ti;
    power[k] = pr * pr + pi * pi;
    power[half - k] = mr * mr + mi * mi;
  }

  const int bandCount = static_cast<int>(plan.bands.size());
  for (int b = 0; b < bandCount; ++b) {
    const MelBand band = plan.bands[b];
    const V* p = power + band.firstBin;
    const float* w = plan.weights.data() + band.firstWeight;
    V sum{}, sum2{};
    int i = 0;
    for (; i + 1 < band.count; i += 2) {
      sum += p[i] * w[i];
      sum2 += p[i + 1] * w[i + 1];
    }
    if (i < band.count) sum += p[i] * w[i];
    sum += sum2;
    float* target = out + b * outStride;
    if (count == LANES) {
      store(target, sum);
    } else {
      for (int lane = 0; lane < count; ++lane) target[lane] = sum[lane];
    }
  }
}

// Natural logarithm and exponential, after logf and expf of the Cephes library (S. Moshier): about one unit in the last place.
INLINE V logarithmOf(V x) {
  const I bits = (I)x;
  I exponent = (bits >> 23) - 126;
  V m = (V)((bits & 0x007fffff) | 0x3f000000);  // 0.5 .. 1
  const I small = m < all(0.707106781186547524f);
  exponent += small;
  m = m + (V)((I)m & small) - 1.0f;
  const V e = __builtin_convertvector(exponent, V);
  const V z = m * m;
  V y = all(7.0376836292e-2f);
  y = y * m - 1.1514610310e-1f;
  y = y * m + 1.1676998740e-1f;
  y = y * m - 1.2420140846e-1f;
  y = y * m + 1.4249322787e-1f;
  y = y * m - 1.6668057665e-1f;
  y = y * m + 2.0000714765e-1f;
  y = y * m - 2.4999993993e-1f;
  y = y * m + 3.3333331174e-1f;
  y = y * m * z;
  y += e * -2.12194440e-4f;
  y -= z * 0.5f;
  return m + y + e * 0.693359375f;
}

INLINE V exponentialOf(V x) {
  const V lowest = all(-87.0f), highest = all(88.0f);
  x = x < lowest ? lowest : x;
  x = x > highest ? highest : x;
  const I n = __builtin_convertvector(x * 1.44269504088896341f + (x < 0.0f ? all(-0.5f) : all(0.5f)), I);
  const V f = __builtin_convertvector(n, V);
  x -= f * 0.693359375f;
  x += f * 2.12194440e-4f;
  V y = all(1.9875691500e-4f);
  y = y * x + 1.3981999507e-3f;
  y = y * x + 8.3334519073e-3f;
  y = y * x + 4.1665795894e-2f;
  y = y * x + 1.6666665459e-1f;
  y = y * x + 5.0000001201e-1f;
  y = y * x * x + x + 1.0f;
  return y * (V)((n + 127) << 23);
}

INLINE V squareRootOf(V x) { return exponentialOf(logarithmOf(x) * 0.5f); }

static void logarithm(float* x, size_t n, float offset) {
  size_t i = 0;
  for (; i + LANES <= n; i += LANES) store(x + i, logarithmOf(load(x + i) + offset));
  if (i == n) return;
  V rest = all(1.0f);
  for (size_t k = i; k < n; ++k) rest[k - i] = x[k];
  rest = logarithmOf(rest + offset);
  for (size_t k = i; k < n; ++k) x[k] = rest[k - i];
}

INLINE V pcenOf(V x, V smooth, float gain, float bias, float eps) {
  const V level = x * exponentialOf(logarithmOf(smooth + eps) * -gain);
  // sqrt(level + bias) - sqrt(bias) without cancellation
  return level / (squareRootOf(level + bias) + __builtin_sqrtf(bias));
}

static void pcen(float* x, const float* smooth, size_t n, float gain, float bias, float eps) {
  size_t i = 0;
  for (; i + LANES <= n; i += LANES) store(x + i, pcenOf(load(x + i), load(smooth + i), gain, bias, eps));
  if (i == n) return;
  V rest = all(1.0f), level = all(1.0f);
  for (size_t k = i; k < n; ++k) {
    rest[k - i] = x[k];
    level[k - i] = smooth[k];
  }
  rest = pcenOf(rest, level, gain, bias, eps);
  for (size_t k = i; k < n; ++k) x[k] = rest[k - i];
}

// The r-th smallest value by bisection on the bits: 32 counting passes at most, which beats partial sorting by far because
// counting has no branches. Keys order like the floats they are made of.
static float median(const float* x, size_t n, int32_t* keys) {
  if (n == 0) return 0.0f;
  int32_t low = INT32_MAX, high = INT32_MIN;
  for (size_t i = 0; i < n; ++i) {
    int32_t bits;
    __builtin_memcpy(&bits, x + i, 4);
    const int32_t key = bits ^ ((bits >> 31) & 0x7fffffff);
    keys[i] = key;
    low = key < low ? key : low;
    high = key > high ? key : high;
  }
  for (size_t i = n; i % LANES != 0; ++i) keys[i] = INT32_MAX;
  const size_t rank = (n - 1) / 2;
  size_t notAbove = 0;  // how many keys are at most `high`
  while (low < high) {
    const int32_t middle = static_cast<int32_t>(low + (static_cast<int64_t>(high) - low) / 2);
    I counts{};
    for (size_t i = 0; i < n; i += LANES) counts -= (*reinterpret_cast<const LooseI*>(keys + i) <= middle);
    size_t count = 0;
    for (int lane = 0; lane < LANES; ++lane) count += static_cast<size_t>(counts[lane]);
    if (count > rank) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  int32_t next = INT32_MAX;
  for (size_t i = 0; i < n; ++i) {
    notAbove += keys[i] <= low;
    next = keys[i] > low && keys[i] < next ? keys[i] : next;
  }
  const auto toFloat = [](int32_t key) {
    const int32_t bits = key ^ ((key >> 31) & 0x7fffffff);
    float value;
    __builtin_memcpy(&value, &bits, 4);
    return value;
  };
  const float lower = toFloat(low);
  if (n % 2 == 1 || notAbove >= rank + 2) return lower;
  return 0.5f * (lower + toFloat(next));
}

static double sumAbove(const float* x, size_t n, float floor) {
  double total = 0;
  size_t i = 0;
  while (i + LANES <= n) {
    // Blocks of 64 vectors in single precision, the sum of blocks in double.
    V sum{};
    for (int block = 0; block < 64 && i + LANES <= n; ++block, i += LANES) {
      const V above = load(x + i) - floor;
      sum += above > 0.0f ? above : V{};
    }
    for (int lane = 0; lane < LANES; ++lane) total += static_cast<double>(sum[lane]);
  }
  for (; i < n; ++i) total += x[i] > floor ? static_cast<double>(x[i] - floor) : 0.0;
  return total;
}

template <int S, int Rows>
INLINE void foldRows(V* rows) {
  for (int i = 0; i < Rows / 2; ++i) {
    const V a = rows[2 * i], b = rows[2 * i + 1];
    rows[i] = blocks<S, 0>(a, b) + blocks<S, 1>(a, b);
  }
  if constexpr (Rows > 2) foldRows<S * 2, Rows / 2>(rows);
}

// All outputs of a tile share one tree of additions, so an output does not depend on its place in the tile.
static void dots(const float* const* x, const float* const* taps, int tapCount, int count, float* out) {
  V rows[LANES];
  for (int i = 0; i < LANES; ++i) {
    const int source = i < count ? i : 0;
    const float* a = x[source];
    const float* b = taps[source];
    V sum{};
    for (int k = 0; k < tapCount; k += LANES) sum += load(a + k) * load(b + k);
    rows[i] = sum;
  }
  foldRows<1, LANES>(rows);
  if (count == LANES) {
    store(out, rows[0]);
  } else {
    for (int i = 0; i < count; ++i) out[i] = rows[0][i];
  }
}

static const Kernels table = {LANES, melPower, spectrumScratch, logarithm, pcen, median, sumAbove, dots};

#undef INLINE
