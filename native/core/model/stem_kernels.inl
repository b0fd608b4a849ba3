// The kernels for one instruction set: included by stem_kernels.cc once for each, as features/kernels.inl is, and with its
// rule: built-in types only.

typedef float V __attribute__((vector_size(LANES * 4)));
typedef float LooseV __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

#define INLINE static inline __attribute__((always_inline))

INLINE V load(const float* p) { return *reinterpret_cast<const LooseV*>(p); }
INLINE void store(float* p, V v) { *reinterpret_cast<LooseV*>(p) = v; }
INLINE V larger(V a, V b) { return a > b ? a : b; }

// The bias is the same for the four, so it may come after the maximum.
INLINE V pooled(V a, V b, V c, V d, V bias) { return larger(larger(larger(a, b), larger(c, d)) + bias, V{}); }

static void firstRow(const StemStageWeights& stage, const float* input, ptrdiff_t stride, int pooledWidth, float* out) {
  const int outputs = stage.outputs;
  for (int channel = 0; channel < outputs; channel += LANES) {
    V taps[9];
    for (int i = 0; i < 9; ++i) taps[i] = load(stage.weights.data() + i * outputs + channel);
    const V bias = load(stage.bias.data() + channel);
    for (int place = 0; place < pooledWidth; ++place) {
      const float* corner = input + 2 * place;
      V sums[4] = {};
      for (int row = 0; row < 3; ++row) {
        for (int column = 0; column < 3; ++column) {
          const V tap = taps[3 * row + column];
          const float* at = corner + row * stride + column;
          sums[0] += tap * at[0];
          sums[1] += tap * at[1];
          sums[2] += tap * at[stride];
          sums[3] += tap * at[stride + 1];
        }
      }
      store(out + static_cast<ptrdiff_t>(place) * outputs + channel, pooled(sums[0], sums[1], sums[2], sums[3], bias));
    }
  }
}

// out (Tiles, 2 vectors of channels) = tiles (Tiles, inputs) * weights (inputs, those channels).
template <int Tiles>
INLINE void multiply(const float* tiles, const float* weights, int inputs, int outputs, float* out) {
  V low[Tiles] = {};
  V high[Tiles] = {};
  for (int k = 0; k < inputs; ++k) {
    const V first = load(weights + static_cast<ptrdiff_t>(k) * outputs);
    const V second = load(weights + static_cast<ptrdiff_t>(k) * outputs + LANES);
    for (int t = 0; t < Tiles; ++t) {
      const float value = tiles[t * inputs + k];
      low[t] += first * value;
      high[t] += second * value;
    }
  }
  for (int t = 0; t < Tiles; ++t) {
    store(out + static_cast<ptrdiff_t>(t) * outputs, low[t]);
    store(out + static_cast<ptrdiff_t>(t) * outputs + LANES, high[t]);
  }
}

static void multiplyTiles(const float* tiles, int count, const float* weights, int inputs, int outputs, float* out) {
  for (int channel = 0; channel < outputs; channel += 2 * LANES) {
    int t = 0;
    for (; t + 6 <= count; t += 6)
      multiply<6>(tiles + t * inputs, weights + channel, inputs, outputs, out + t * outputs + channel);
    const float* rest = tiles + t * inputs;
    float* target = out + t * outputs + channel;
    switch (count - t) {
      case 5:
        multiply<5>(rest, weights + channel, inputs, outputs, target);
        break;
      case 4:
        multiply<4>(rest, weights + channel, inputs, outputs, target);
        break;
      case 3:
        multiply<3>(rest, weights + channel, inputs, outputs, target);
        break;
      case 2:
        multiply<2>(rest, weights + channel, inputs, outputs, target);
        break;
      case 1:
        multiply<1>(rest, weights + channel, inputs, outputs, target);
        break;
      default:
        break;
    }
  }
}

// B^T d of one column of a tile.
INLINE void downColumn(const float* column, ptrdiff_t stride, V* t) {
  const V a = load(column), b = load(column + stride), c = load(column + 2 * stride), d = load(column + 3 * stride);
  t[0] = a - c;
  t[1] = b + c;
  t[2] = c - b;
  t[3] = b - d;
}

// B^T d B of `count` neighbouring tiles, to tiles[place of the 16][tile][input]. Tiles share two columns.
static void spread(const float* input, ptrdiff_t stride, int count, int inputs, float* tiles) {
  const ptrdiff_t plane = static_cast<ptrdiff_t>(count) * inputs;
  for (int channel = 0; channel < inputs; channel += LANES) {
    V left[2][4];
    downColumn(input + channel, stride, left[0]);
    downColumn(input + inputs + channel, stride, left[1]);
    for (int tile = 0; tile < count; ++tile) {
      V right[2][4];
      const float* corner = input + static_cast<ptrdiff_t>(2 * tile + 2) * inputs + channel;
      downColumn(corner, stride, right[0]);
      downColumn(corner + inputs, stride, right[1]);
      float* target = tiles + static_cast<ptrdiff_t>(tile) * inputs + channel;
      for (int row = 0; row < 4; ++row) {
        float* places = target + 4 * row * plane;
        store(places, left[0][row] - right[0][row]);
        store(places + plane, left[1][row] + right[0][row]);
        store(places + 2 * plane, right[0][row] - left[1][row]);
        store(places + 3 * plane, left[1][row] - right[1][row]);
        left[0][row] = right[0][row];
        left[1][row] = right[1][row];
      }
    }
  }
}

// A^T m A of each tile, whose four values are just those that are pooled.
static void gather(const float* sums, int count, const StemStageWeights& stage, float* out) {
  const int outputs = stage.outputs;
  const ptrdiff_t plane = static_cast<ptrdiff_t>(count) * outputs;
  for (int tile = 0; tile < count; ++tile) {
    for (int channel = 0; channel < outputs; channel += LANES) {
      const ptrdiff_t at = static_cast<ptrdiff_t>(tile) * outputs + channel;
      V upper[4], lower[4];
      for (int column = 0; column < 4; ++column) {
        const float* m = sums + column * plane + at;
        const V second = load(m + 4 * plane), third = load(m + 8 * plane);
        upper[column] = load(m) + second + third;
        lower[column] = second - third - load(m + 12 * plane);
      }
      store(out + at,
            pooled(upper[0] + upper[1] + upper[2], upper[1] - upper[2] - upper[3], lower[0] + lower[1] + lower[2],
                   lower[1] - lower[2] - lower[3], load(stage.bias.data() + channel)));
    }
  }
}

// Winograd's F(2 x 2, 3 x 3): 16 multiplications for the four values of a tile instead of 36.
static void row(const StemStageWeights& stage, const float* input, ptrdiff_t stride, int pooledWidth, float* scratch,
                float* out) {
  const int inputs = stage.inputs;
  const int outputs = stage.outputs;
  float* tiles = scratch;
  float* sums = scratch + 16 * kTilesAtOnce * inputs;
  for (int begin = 0; begin < pooledWidth; begin += kTilesAtOnce) {
    const int count = pooledWidth - begin < kTilesAtOnce ? pooledWidth - begin : kTilesAtOnce;
    spread(input + static_cast<ptrdiff_t>(2 * begin) * inputs, stride, count, inputs, tiles);
    for (int place = 0; place < 16; ++place) {
      multiplyTiles(tiles + static_cast<ptrdiff_t>(place) * count * inputs, count,
                    stage.weights.data() + static_cast<ptrdiff_t>(place) * inputs * outputs, inputs, outputs,
                    sums + static_cast<ptrdiff_t>(place) * count * outputs);
    }
    gather(sums, count, stage, out + static_cast<ptrdiff_t>(begin) * outputs);
  }
}

static const StemKernels table = {firstRow, row};

#undef INLINE
