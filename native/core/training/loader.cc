#include "core/training/loader.h"

#include <utility>

#include "core/error.h"

namespace autobird {

/// Lets a limited number of batches hold memory at once.
class LoaderGate {
 public:
  LoaderGate(ThreadPool& pool, int64_t places) : pool_(&pool), places_(places) {}

  void enter(const std::shared_ptr<PendingFeatures>& batch) {
    {
      const std::lock_guard lock(mutex_);
      waiting_.push_back(batch);
    }
    admit();
  }

  /// A thread waits for it: it is made next, whatever is queued before it. An evaluation between queued steps would wait for ever.
  void hurry(const std::shared_ptr<PendingFeatures>& batch) {
    const std::lock_guard lock(mutex_);
    begin(batch);
  }

  /// It holds no memory any more.
  void leave(PendingFeatures& batch) {
    {
      const std::lock_guard lock(mutex_);
      if (!std::exchange(batch.holds_, false)) return;
      --held_;
    }
    admit();
  }

  /// The threads are going.
  void close() {
    const std::lock_guard lock(mutex_);
    pool_ = nullptr;
  }

 private:
  void admit() {
    // Given back after the lock: the last owner of a batch leaves through this gate.
    std::vector<std::shared_ptr<PendingFeatures>> admitted;
    const std::lock_guard lock(mutex_);
    while (held_ < places_ && !waiting_.empty()) {
      if (auto batch = waiting_.front().lock()) {
        begin(batch);
        admitted.push_back(std::move(batch));
      }
      waiting_.pop_front();
    }
  }

  void begin(const std::shared_ptr<PendingFeatures>& batch) {
    if (pool_ == nullptr || std::exchange(batch->begun_, true)) return;
    batch->holds_ = true;
    ++held_;
    for (int64_t row = 0; row < batch->rows_; ++row) {
      pool_->submit([batch, row] { batch->makeRow(row); });
    }
  }

  std::mutex mutex_;
  ThreadPool* pool_;
  const int64_t places_;
  int64_t held_ = 0;
  std::deque<std::weak_ptr<PendingFeatures>> waiting_;
};

PendingFeatures::~PendingFeatures() { gate_->leave(*this); }

std::vector<float> PendingFeatures::take() {
  gate_->hurry(shared_from_this());
  std::vector<float> values;
  {
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return left_ == 0; });
    values = std::move(values_);
  }
  gate_->leave(*this);
  if (failure_) std::rethrow_exception(failure_);
  if (cancelled_) throw Error("aborted", "The work was aborted");
  return values;
}

void PendingFeatures::cancel() {
  const std::lock_guard lock(mutex_);
  if (left_ > 0) cancelled_ = true;
}

void PendingFeatures::wait() {
  gate_->hurry(shared_from_this());
  std::unique_lock lock(mutex_);
  done_.wait(lock, [this] { return left_ == 0; });
}

float* PendingFeatures::place(int64_t row) {
  const std::lock_guard lock(mutex_);
  if (cancelled_ || failure_) return nullptr;
  // Taken only when the first row begins: a batch that waits for its turn costs no memory.
  if (values_.empty()) values_.resize(static_cast<size_t>(rows_ * rowSize_));
  return values_.data() + row * rowSize_;
}

void PendingFeatures::makeRow(int64_t row) {
  std::exception_ptr failure;
  try {
    if (float* out = place(row)) make_(row, out);
  } catch (...) {  // memory for the batch may be what is missing
    failure = std::current_exception();
  }
  const std::lock_guard lock(mutex_);
  if (failure && !failure_) failure_ = failure;
  if (--left_ == 0) done_.notify_all();
}

Loader::Loader(int threads) : pool_(threads), gate_(std::make_shared<LoaderGate>(pool_, threads + 2)) {}

Loader::~Loader() { gate_->close(); }

std::shared_ptr<PendingFeatures> Loader::load(int64_t rows, int64_t rowSize,
                                              std::function<void(int64_t, float*)> makeRow) {
  auto pending = std::make_shared<PendingFeatures>();
  pending->gate_ = gate_;
  pending->make_ = std::move(makeRow);
  pending->rows_ = rows;
  pending->rowSize_ = rowSize;
  pending->left_ = rows;
  gate_->enter(pending);
  return pending;
}

}  // namespace autobird
