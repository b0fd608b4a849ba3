// What the network's own kernels and threads promise, without Node.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "core/error.h"
#include "core/model/dropout.h"
#include "core/model/norm_pool.h"
#include "core/parallel.h"
#include "core/training/loader.h"

#undef CHECK  // c10's, of the same name
#include "test/check.h"

namespace autobird {
namespace {

constexpr double kMomentum = 0.1;
constexpr double kEpsilon = 1e-5;

std::string codeOf(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.code();
  }
  return "";
}

double largestDifference(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

BatchNorm randomNorm(int64_t channels) {
  // Weights of both signs: a negative one turns the largest into the smallest.
  return {at::randn({channels}).set_requires_grad(true), at::randn({channels}).mul(0.1).set_requires_grad(true),
          at::zeros({channels}), at::ones({channels})};
}

}  // namespace

TEST(fused_norm_and_pool_equal_separate_operations) {
  for (const int threads : {1, 3}) {
    at::set_num_threads(threads);
    for (const auto& shape :
         std::vector<std::vector<int64_t>>{{3, 32, 8, 10}, {2, 5, 7, 9}, {1, 19, 2, 3}, {4, 64, 3, 2}}) {
      at::Tensor x = at::randn(shape).add_(0.5).contiguous(at::MemoryFormat::ChannelsLast).set_requires_grad(true);
      at::Tensor y = x.detach().clone(at::MemoryFormat::Preserve).set_requires_grad(true);
      BatchNorm ours = randomNorm(shape[1]);
      BatchNorm theirs{ours.weight.detach().clone().set_requires_grad(true),
                       ours.bias.detach().clone().set_requires_grad(true), ours.runningMean.clone(),
                       ours.runningVar.clone()};
      CHECK(canFuseNormPool(x));
      const at::Tensor fused = normReluPool(x, ours, kMomentum, kEpsilon, /*updateStatistics=*/true);
      const at::Tensor apart =
          at::max_pool2d(at::relu(at::batch_norm(y, theirs.weight, theirs.bias, theirs.runningMean, theirs.runningVar,
                                                 true, kMomentum, kEpsilon, false)),
                         {2, 2});
      CHECK(largestDifference(fused, apart) < 1e-5);
      const at::Tensor upstream = at::randn_like(apart);
      (fused * upstream).sum().backward();
      (apart * upstream).sum().backward();
      CHECK(largestDifference(x.grad(), y.grad()) < 1e-4);
      CHECK(largestDifference(ours.weight.grad(), theirs.weight.grad()) < 1e-3);
      CHECK(largestDifference(ours.bias.grad(), theirs.bias.grad()) < 1e-3);
      CHECK(largestDifference(ours.runningMean, theirs.runningMean) < 1e-6);
      CHECK(largestDifference(ours.runningVar, theirs.runningVar) < 1e-5);
    }
  }
}

TEST(fused_norm_and_pool_in_bf16_stays_near_f32) {
  at::set_num_threads(2);
  const at::Tensor x = at::randn({2, 32, 16, 21}).contiguous(at::MemoryFormat::ChannelsLast);
  const BatchNorm norm = randomNorm(32);
  const at::Tensor exact = normReluPool(x, norm, kMomentum, kEpsilon, false);
  const at::Tensor coarse = normReluPool(x.to(at::kBFloat16), norm, kMomentum, kEpsilon, false);
  CHECK(coarse.scalar_type() == at::kBFloat16);
  CHECK(largestDifference(exact, coarse) < 0.02 * exact.max().item<double>());
  CHECK(norm.runningMean.abs().max().item<float>() == 0);
}

TEST(dropout_keeps_its_share_and_its_choice) {
  for (const int threads : {1, 2}) {
    at::set_num_threads(threads);
    at::Tensor x = at::ones({1000, 100}).set_requires_grad(true);
    const at::Tensor y = autobird::dropout(x, 0.3, 7);
    CHECK(std::abs(y.ne(0).to(at::kFloat).mean().item<double>() - 0.7) < 0.01);
    CHECK(std::abs(y.max().item<double>() - 1 / 0.7) < 1e-6);
    y.sum().backward();
    CHECK(at::equal(x.grad(), y));  // the same elements, without a stored mask
    CHECK(at::equal(y, autobird::dropout(x, 0.3, 7)));
    CHECK(!at::equal(y, autobird::dropout(x, 0.3, 8)));
  }
  const at::Tensor x = at::randn({64, 64}).set_requires_grad(true);
  const at::Tensor y = reluDropout(x, 0.5, 3);
  y.sum().backward();
  CHECK(at::equal(y.detach(), x.detach() * x.grad()));
  CHECK(at::equal(x.grad().eq(0), y.eq(0)));
}

TEST(parallel_for_visits_each_index_once_and_passes_failures_on) {
  std::vector<std::atomic<int>> visits(500);
  parallelFor(500, 4, nullptr, [&](int64_t i, int) { ++visits[static_cast<size_t>(i)]; });
  for (const auto& count : visits) CHECK(count == 1);
  CHECK(codeOf([] {
          parallelFor(100, 3, nullptr, [](int64_t i, int) {
            if (i == 40) throw Error("odd", "forty");
          });
        }) == "odd");
  int done = 0;
  CHECK(codeOf([&] {
          parallelFor(
              100, 1, [&] { return done >= 10; }, [&](int64_t, int) { ++done; });
        }) == "aborted");
  CHECK(done == 10);
}

TEST(a_loader_delivers_fails_and_is_cancelled) {
  Loader loader(2);
  const auto fill = [](int64_t row, float* out) { out[0] = static_cast<float>(row); };
  CHECK(loader.load(3, 1, fill)->take() == (std::vector<float>{0, 1, 2}));
  const auto failing = loader.load(3, 1, [](int64_t row, float*) {
    if (row == 1) throw Error("odd", "one");
  });
  CHECK(codeOf([&] { failing->take(); }) == "odd");
  bool refused = false;
  try {
    loader.load(2, int64_t{1} << 61, fill)->take();  // more than there can be
  } catch (const std::length_error&) {
    refused = true;
  }
  CHECK(refused);
  std::atomic<bool> go{false};
  const auto slow = loader.load(50, 1, [&](int64_t, float*) {
    while (!go) std::this_thread::yield();
  });
  slow->cancel();
  go = true;
  CHECK(codeOf([&] { slow->take(); }) == "aborted");
}

TEST(a_loader_holds_few_batches_however_many_are_queued) {
  Loader loader(1);
  std::atomic<int> begun{0};
  std::vector<std::shared_ptr<PendingFeatures>> batches;
  for (int i = 0; i < 20; ++i) {
    batches.push_back(loader.load(2, 1, [&, i](int64_t row, float* out) {
      if (row == 0) ++begun;
      out[0] = static_cast<float>(i);
    }));
  }
  const auto settles = [&](int expected) {
    for (int i = 0; i < 2000 && begun < expected; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    return begun == expected;
  };
  CHECK(settles(3));
  CHECK(batches[0]->take() == (std::vector<float>{0, 0}));
  CHECK(settles(4));
  CHECK(batches[19]->take() == (std::vector<float>{19, 19}));  // out of turn, and no place is left
  CHECK(settles(5));
  for (int i = 1; i < 5; ++i) batches[i].reset();  // no longer wanted
  CHECK(batches[5]->take() == (std::vector<float>{5, 5}));
  batches[18]->cancel();
  CHECK(codeOf([&] { batches[18]->take(); }) == "aborted");
  for (int i = 6; i < 18; ++i) CHECK(batches[i]->take() == std::vector<float>(2, static_cast<float>(i)));
}

}  // namespace autobird
