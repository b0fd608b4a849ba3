// The errors that core throws on purpose. The addon turns `code` into the matching class of bindings/errors.ts.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace autobird {

class Error : public std::runtime_error {
 public:
  Error(std::string code, const std::string& message) : std::runtime_error(message), code_(std::move(code)) {}
  const std::string& code() const { return code_; }

 private:
  std::string code_;
};

/// An argument has the wrong shape or range: `invalid_argument`.
inline Error invalidArgument(const std::string& message) { return Error("invalid_argument", message); }

/// A handle was used after `dispose()`; `kind` is what the handle is: Trainer, Engine, …
inline Error disposed(const std::string& kind) {
  return Error("disposed", kind + " was disposed: make a new one before using it again");
}

}  // namespace autobird
