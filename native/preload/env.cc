// env.node: sets a variable in the C environment. Inside a Node worker, process.env is a copy that C never sees, and
// libgomp reads OMP_WAIT_POLICY from the C environment when it is loaded: this runs before that (bindings/load.ts).
#include <node_api.h>

#include <cstdlib>
#include <string>

namespace {

std::string text(napi_env env, napi_value value) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) return {};
  std::string result(length, '\0');
  napi_get_value_string_utf8(env, value, result.data(), length + 1, &length);
  return result;
}

/// setDefault(name, value): nothing happens when the variable is set already.
napi_value setDefault(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  size_t count = 2;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  if (count < 2 || setenv(text(env, arguments[0]).c_str(), text(env, arguments[1]).c_str(), 0) != 0) {
    napi_throw_error(env, nullptr, "setDefault expects a name and a value");
  }
  return nullptr;
}

}  // namespace

NAPI_MODULE_INIT() {
  napi_value function;
  napi_create_function(env, "setDefault", NAPI_AUTO_LENGTH, setDefault, nullptr, &function);
  napi_set_named_property(env, exports, "setDefault", function);
  return exports;
}
