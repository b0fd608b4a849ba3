#include "core/model/tensors.h"

#include <ATen/ATen.h>

#include <cstring>
#include <unordered_map>

#include "core/error.h"

namespace autobird {
namespace {

struct DtypeName {
  const char* name;
  at::ScalarType type;
};
constexpr DtypeName kDtypes[] = {
    {"F32", at::kFloat}, {"F64", at::kDouble}, {"F16", at::kHalf}, {"BF16", at::kBFloat16}, {"I64", at::kLong},
    {"I32", at::kInt},   {"I16", at::kShort},  {"I8", at::kChar},  {"U8", at::kByte},       {"BOOL", at::kBool}};

Error damaged(const std::string& message) { return Error("damaged_checkpoint", message); }

std::string shapeText(at::IntArrayRef shape) {
  std::string text = "(";
  for (size_t i = 0; i < shape.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  return text + ")";
}

// The dtype, where bytes, dtype and shape fit each other.
at::ScalarType checkedType(const TensorView& data) {
  for (const DtypeName& dtype : kDtypes) {
    if (data.dtype != dtype.name) continue;
    const Error misfit = damaged("Tensor " + data.name + " says shape " + shapeText(data.shape) + " but holds " +
                                 std::to_string(data.bytes.size()) + " bytes");
    size_t bytes = c10::elementSize(dtype.type);
    for (const int64_t extent : data.shape) {
      if (extent < 0 || (extent > 0 && bytes > data.bytes.size() / static_cast<size_t>(extent))) throw misfit;
      bytes *= static_cast<size_t>(extent);
    }
    if (bytes != data.bytes.size()) throw misfit;
    return dtype.type;
  }
  throw damaged("Tensor " + data.name + " has the unknown dtype " + data.dtype);
}

}  // namespace

TensorData toTensorData(const std::string& name, const at::Tensor& tensor) {
  const at::Tensor host = tensor.detach().to(at::kCPU).contiguous();
  TensorData data;
  data.name = name;
  for (const DtypeName& dtype : kDtypes) {
    if (dtype.type == host.scalar_type()) data.dtype = dtype.name;
  }
  data.shape = host.sizes().vec();
  data.bytes.resize(host.nbytes());
  if (!data.bytes.empty()) std::memcpy(data.bytes.data(), host.const_data_ptr(), data.bytes.size());
  return data;
}

at::Tensor fromTensorView(const TensorView& data) {
  const at::ScalarType type = checkedType(data);
  at::Tensor tensor = at::empty(data.shape, type);
  if (!data.bytes.empty()) std::memcpy(tensor.mutable_data_ptr(), data.bytes.data(), data.bytes.size());
  return tensor;
}

Parameters loadParameters(const ModelOptions& options, int64_t classes, const std::vector<TensorView>& tensors,
                          const std::string& prefix, const at::Device& device, bool trainable) {
  std::unordered_map<std::string, const TensorView*> byName;
  for (const TensorView& data : tensors) {
    if (data.name.rfind(prefix, 0) == 0) byName.emplace(data.name, &data);
  }
  Parameters parameters = parameterShapes(options, classes);
  std::vector<const TensorView*> inOrder;
  forEachTensor(parameters, options, [&](const std::string& name, at::Tensor& tensor, TensorKind) {
    const auto found = byName.find(prefix + name);
    if (found == byName.end()) {
      throw damaged("Tensor " + prefix + name +
                    " is missing: the file was made by a network with other options, or is damaged");
    }
    const TensorView& data = *found->second;
    const at::ScalarType type = checkedType(data);
    if (tensor.sizes() != at::IntArrayRef(data.shape) || !at::isFloatingType(type)) {
      throw damaged("Tensor " + prefix + name + " has shape " + shapeText(data.shape) + " but the network needs " +
                    shapeText(tensor.sizes()) +
                    " of floating point: the file was made by a network with other options");
    }
    inOrder.push_back(&data);
    byName.erase(found);
  });
  if (!byName.empty()) {
    throw damaged("Tensor " + byName.begin()->first +
                  " is not part of the network: the file was made by a network with other options");
  }
  auto next = inOrder.begin();
  forEachTensor(parameters, options, [&](const std::string&, at::Tensor& tensor, TensorKind kind) {
    const bool gradient = trainable && kind == TensorKind::weight;
    tensor = fromTensorView(**next++).to(device, at::kFloat).set_requires_grad(gradient);
  });
  return parameters;
}

Parameters copyParameters(const Parameters& parameters, const ModelOptions& options, const at::Device& device,
                          bool trainable) {
  Parameters copy = parameters;  // structs of tensor handles
  forEachTensor(copy, options, [&](const std::string&, at::Tensor& tensor, TensorKind kind) {
    const bool gradient = trainable && kind == TensorKind::weight;
    tensor = tensor.detach().to(device, /*non_blocking=*/false, /*copy=*/true).set_requires_grad(gradient);
  });
  return copy;
}

}  // namespace autobird
