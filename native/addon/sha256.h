// SHA-256 by the OpenSSL that is inside Node: its symbols are exported, and it uses the CPU's own instructions where there are
// some. Its headers are not on every machine that has Node, so the six functions are declared here, as OpenSSL 1.1 and 3 have them.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>

#include "core/error.h"

extern "C" {
using EVP_MD_CTX = struct evp_md_ctx_st;
using EVP_MD = struct evp_md_st;
using ENGINE = struct engine_st;
EVP_MD_CTX* EVP_MD_CTX_new();
void EVP_MD_CTX_free(EVP_MD_CTX* context);
const EVP_MD* EVP_sha256();
int EVP_DigestInit_ex(EVP_MD_CTX* context, const EVP_MD* type, ENGINE* engine);
int EVP_DigestUpdate(EVP_MD_CTX* context, const void* data, size_t bytes);
int EVP_DigestFinal_ex(EVP_MD_CTX* context, unsigned char* digest, unsigned int* bytes);
}

namespace autobird::addon {

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    require(context_ != nullptr && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
  }

  void update(const void* data, size_t bytes) { require(EVP_DigestUpdate(context_.get(), data, bytes) == 1); }

  /// Lower-case hex; nothing may follow.
  std::string hex() {
    std::array<unsigned char, 32> digest{};
    require(EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr) == 1);
    std::string text;
    for (const unsigned char byte : digest) {
      text += "0123456789abcdef"[byte >> 4];
      text += "0123456789abcdef"[byte & 15];
    }
    return text;
  }

 private:
  static void require(bool done) {
    if (!done) throw Error("native", "OpenSSL gave no SHA-256: its policy on this machine may forbid it");
  }

  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace autobird::addon
