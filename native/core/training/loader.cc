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

std::shared_ptr<PendingFeatures> Loader::load(int64_t rows, int64_t rowSize,
                                              std::function<void(int64_t, float*)> makeRow) {
  auto pending = std::make_shared<PendingFeatures>();
  pending->left_ = rows;
  auto make = std::make_shared<std::function<void(int64_t, float*)>>(std::move(makeRow));
  for (int64_t row = 0; row < rows; ++row) {
    pool_.submit([pending, make, row, rows, rowSize] {
      float* out = nullptr;
      {
        const std::lock_guard lock(pending->mutex_);
        if (!pending->cancelled_ && !pending->failure_) {
          // Taken only when the first row begins: a long queue of batches costs no memory yet.
          if (pending->values_.empty()) pending->values_.resize(static_cast<size_t>(rows * rowSize));
          out = pending->values_.data() + row * rowSize;
        }
      }
      std::exception_ptr failure;
      if (out != nullptr) {
        try {
          (*make)(row, out);
        } catch (...) {
          failure = std::current_exception();
        }
      }
      const std::lock_guard lock(pending->mutex_);
      if (failure && !pending->failure_) pending->failure_ = failure;
      if (--pending->left_ == 0) pending->done_.notify_all();
    });
  }
  return pending;
}

}  // namespace autobird
