// What a WAV file says about itself: LIST INFO, Broadcast Wave (bext) and GUANO, as pairs of text.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace autobird {

using Tags = std::vector<std::pair<std::string, std::string>>;

/// A LIST chunk of type INFO: ICMT is `comment`, IART `artist`, …, other ids stay as they are.
void readInfoTags(const std::vector<uint8_t>& chunk, bool bigEndian, Tags& tags);

/// `description`, `originator`, `originator_reference`, `origination_date`, `origination_time`.
void readBextTags(const std::vector<uint8_t>& chunk, Tags& tags);

/// `guano.<Key>` for each line `Key: value` (Wildlife Acoustics and others; github.com/riggsd/guano-spec).
void readGuanoTags(const std::vector<uint8_t>& chunk, Tags& tags);

}  // namespace autobird
