#include "core/training/loader.h"

#include <utility>

#include "core/error.h"

namespace autobird {

std::vector<float> PendingFeatures::take() {
  std::unique_lock lock(mutex_);
  done_.wait(lock, [this] { return left_ == 0; });
  if (failure_) std::rethrow_exception(failure_);
  if (cancelled_) throw Error("aborted", "The work was aborted");
  return std::move(values_);
}

void PendingFeatures::cancel() {
  const std::lock_guard lock(mutex_);
  if (left_ > 0) cancelled_ = true;
}

void PendingFeatures::wait() {
  std::unique_lock lock(mutex_);
  done_.wait(lock, [this] { return left_ == 0; });
}

float* PendingFeatures::place(int64_t row, int64_t rows, int64_t rowSize) {
  const std::lock_guard lock(mutex_);
  if (cancelled_ || failure_) return nullptr;
  // Taken only when the first row begins: a long queue of batches costs no memory yet.
  if (values_.empty()) values_.resize(static_cast<size_t>(rows * rowSize));
  return values_.data() + row * rowSize;
}

std::shared_ptr<PendingFeatures> Loader::load(int64_t rows, int64_t rowSize,
                                              std::function<void(int64_t, float*)> makeRow) {
  auto pending = std::make_shared<PendingFeatures>();
  pending->left_ = rows;
  auto make = std::make_shared<std::function<void(int64_t, float*)>>(std::move(makeRow));
  for (int64_t row = 0; row < rows; ++row) {
    pool_.submit([pending, make, row, rows, rowSize] {
      std::exception_ptr failure;
      try {
        if (float* out = pending->place(row, rows, rowSize)) (*make)(row, out);
      } catch (...) {  // memory for the batch may be what is missing
        failure = std::current_exception();
      }
      const std::lock_guard lock(pending->mutex_);
      if (failure && !pending->failure_) pending->failure_ = failure;
      if (--pending->left_ == 0) pending->done_.notify_all();
    });
  }
  return pending;
}

}  // namespace autobird
