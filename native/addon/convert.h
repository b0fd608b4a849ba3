// JavaScript values to C++ and back. Reading checks types and throws the sentence every argument error has:
// *Expected a number for hopSamples but received "x" of type string*.
#pragma once

#include <napi.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "core/error.h"

namespace autobird::addon {

inline const char* typeName(const Napi::Value& value) {
  switch (value.Type()) {
    case napi_undefined:
      return "undefined";
    case napi_null:
      return "null";
    case napi_boolean:
      return "boolean";
    case napi_number:
      return "number";
    case napi_string:
      return "string";
    case napi_symbol:
      return "symbol";
    case napi_function:
      return "function";
    case napi_bigint:
      return "bigint";
    default:
      return "object";
  }
}

/// The error for a value of the wrong kind.
inline Error wrongKind(const std::string& what, const std::string& name, const Napi::Value& value) {
  std::string shown = value.IsObject() ? "an object" : value.ToString().Utf8Value();
  if (value.IsString()) shown = '"' + shown + '"';
  return invalidArgument("Expected " + what + " for " + name + " but received " + shown + " of type " +
                         typeName(value));
}

inline double toNumber(const Napi::Value& value, const std::string& name) {
  if (!value.IsNumber()) throw wrongKind("a number", name, value);
  return value.As<Napi::Number>().DoubleValue();
}

/// 2^53 - 1, up to which doubles count.
constexpr double kLargestInteger = 9007199254740991.0;

inline int64_t toInteger(const Napi::Value& value, const std::string& name) {
  const double number = toNumber(value, name);
  if (std::trunc(number) != number || std::abs(number) > kLargestInteger) throw wrongKind("an integer", name, value);
  return static_cast<int64_t>(number);
}

inline bool toBoolean(const Napi::Value& value, const std::string& name) {
  if (!value.IsBoolean()) throw wrongKind("a boolean", name, value);
  return value.As<Napi::Boolean>().Value();
}

inline std::string toText(const Napi::Value& value, const std::string& name) {
  if (!value.IsString()) throw wrongKind("a string", name, value);
  return value.As<Napi::String>().Utf8Value();
}

inline Napi::Object toObject(const Napi::Value& value, const std::string& name) {
  if (!value.IsObject()) throw wrongKind("an object", name, value);
  return value.As<Napi::Object>();
}

inline Napi::Array toArray(const Napi::Value& value, const std::string& name) {
  if (!value.IsArray()) throw wrongKind("an array", name, value);
  return value.As<Napi::Array>();
}

template <class T>
constexpr napi_typedarray_type arrayType() {
  if constexpr (std::is_same_v<T, float>) return napi_float32_array;
  if constexpr (std::is_same_v<T, double>) return napi_float64_array;
  if constexpr (std::is_same_v<T, int32_t>) return napi_int32_array;
  if constexpr (std::is_same_v<T, uint32_t>) return napi_uint32_array;
  if constexpr (std::is_same_v<T, int16_t>) return napi_int16_array;
  if constexpr (std::is_same_v<T, uint8_t>) return napi_uint8_array;
}

template <class T>
constexpr const char* arrayName() {
  if constexpr (std::is_same_v<T, float>) return "a Float32Array";
  if constexpr (std::is_same_v<T, double>) return "a Float64Array";
  if constexpr (std::is_same_v<T, int32_t>) return "an Int32Array";
  if constexpr (std::is_same_v<T, uint32_t>) return "a Uint32Array";
  if constexpr (std::is_same_v<T, int16_t>) return "an Int16Array";
  if constexpr (std::is_same_v<T, uint8_t>) return "a Uint8Array";
}

/// The typed array itself, checked. Its memory is valid only on the JavaScript thread during the call.
template <class T>
Napi::TypedArrayOf<T> toTyped(const Napi::Value& value, const std::string& name) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != arrayType<T>()) {
    throw wrongKind(arrayName<T>(), name, value);
  }
  return value.As<Napi::TypedArrayOf<T>>();
}

/// A copy that a job may take along.
template <class T>
std::vector<T> toVector(const Napi::Value& value, const std::string& name) {
  const auto typed = toTyped<T>(value, name);
  const T* data = typed.Data();
  return std::vector<T>(data, data + typed.ElementLength());
}

/// Typed arrays that a job reads where JavaScript has them, because a copy of many megabytes would stop the event loop.
/// Made and destroyed on the JavaScript thread; until then the arrays are not collected.
class BorrowedArrays {
 public:
  template <class T>
  std::span<const T> add(const Napi::Value& value, const std::string& name) {
    const auto typed = toTyped<T>(value, name);
    references_.push_back(Napi::Persistent(value.As<Napi::Object>()));
    return {typed.Data(), typed.ElementLength()};
  }

 private:
  std::vector<Napi::ObjectReference> references_;
};

inline Napi::Value fromTexts(Napi::Env env, const std::vector<std::string>& texts) {
  Napi::Array result = Napi::Array::New(env, texts.size());
  for (uint32_t i = 0; i < texts.size(); ++i) result[i] = texts[i];
  return result;
}

/// A typed array that belongs to JavaScript.
template <class T, class Allocator>
Napi::Value fromVector(Napi::Env env, const std::vector<T, Allocator>& values) {
  auto typed = Napi::TypedArrayOf<T>::New(env, values.size(), arrayType<T>());
  if (!values.empty()) std::memcpy(typed.Data(), values.data(), values.size() * sizeof(T));
  return typed;
}

/// `fromVector` as the last step of a job.
inline Napi::Value fromFloats(Napi::Env env, const std::vector<float>& values) { return fromVector(env, values); }

}  // namespace autobird::addon
