#include "core/audio/wav_tags.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace autobird {

namespace {

constexpr size_t maxTags = 512;

bool isUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto c = static_cast<uint8_t>(text[i]);
    const size_t more = c < 0x80                ? 0
                        : c >= 0xC2 && c < 0xE0 ? 1
                        : c >= 0xE0 && c < 0xF0 ? 2
                        : c >= 0xF0 && c < 0xF5 ? 3
                                                : 9;
    if (more == 9 || i + more >= text.size() + (more == 0)) return false;
    for (size_t k = 1; k <= more; ++k)
      if ((static_cast<uint8_t>(text[i + k]) & 0xC0) != 0x80) return false;
    i += more + 1;
  }
  return true;
}

/// Up to the first NUL, without spaces around; Latin-1 where it is not UTF-8.
std::string textOf(std::string_view raw) {
  raw = raw.substr(0, raw.find('\0'));
  const auto first = raw.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return "";
  raw = raw.substr(first, raw.find_last_not_of(" \t\r\n") - first + 1);
  if (isUtf8(raw)) return std::string(raw);
  std::string converted;
  for (char byte : raw) {
    const auto c = static_cast<uint8_t>(byte);
    if (c < 0x80) {
      converted += byte;
    } else {
      converted += static_cast<char>(0xC0 | c >> 6);
      converted += static_cast<char>(0x80 | (c & 0x3F));
    }
  }
  return converted;
}

void add(Tags& tags, std::string key, std::string value) {
  if (!key.empty() && !value.empty() && tags.size() < maxTags) tags.emplace_back(std::move(key), std::move(value));
}

std::string_view viewOf(const std::vector<uint8_t>& chunk) {
  return {reinterpret_cast<const char*>(chunk.data()), chunk.size()};
}

}  // namespace

void readInfoTags(const std::vector<uint8_t>& chunk, bool bigEndian, Tags& tags) {
  const std::string_view bytes = viewOf(chunk);
  if (!bytes.starts_with("INFO")) return;
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 9> names{{{"ICMT", "comment"},
                                                                                       {"IART", "artist"},
                                                                                       {"INAM", "title"},
                                                                                       {"ICRD", "date"},
                                                                                       {"ICOP", "copyright"},
                                                                                       {"IGNR", "genre"},
                                                                                       {"ISFT", "encoder"},
                                                                                       {"IPRD", "album"},
                                                                                       {"ISBJ", "subject"}}};
  size_t offset = 4;
  while (offset + 8 <= bytes.size()) {
    const std::string_view id = bytes.substr(offset, 4);
    uint64_t size = 0;
    for (int i = 0; i < 4; ++i) size |= static_cast<uint64_t>(chunk[offset + 4 + (bigEndian ? 3 - i : i)]) << 8 * i;
    offset += 8;
    const auto known = std::find_if(names.begin(), names.end(), [&](const auto& name) { return name.first == id; });
    add(tags, known == names.end() ? textOf(id) : std::string(known->second), textOf(bytes.substr(offset, size)));
    if (size > bytes.size() - offset) return;
    offset += size + size % 2;
  }
}

void readBextTags(const std::vector<uint8_t>& chunk, Tags& tags) {
  const std::string_view bytes = viewOf(chunk);
  const auto field = [&](const char* name, size_t offset, size_t length) {
    if (offset < bytes.size()) add(tags, name, textOf(bytes.substr(offset, length)));
  };
  field("description", 0, 256);
  field("originator", 256, 32);
  field("originator_reference", 288, 32);
  field("origination_date", 320, 10);
  field("origination_time", 330, 8);
}

void readGuanoTags(const std::vector<uint8_t>& chunk, Tags& tags) {
  std::string_view rest = viewOf(chunk);
  while (!rest.empty()) {
    const auto end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    const auto colon = line.find(':');
    if (colon != std::string_view::npos) {
      add(tags, "guano." + textOf(line.substr(0, colon)), textOf(line.substr(colon + 1)));
    }
    if (end == std::string_view::npos) return;
    rest.remove_prefix(end + 1);
  }
}

}  // namespace autobird
