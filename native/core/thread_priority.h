// Which threads wait where the cores do not suffice.
#pragma once

#ifdef __linux__
#include <sys/resource.h>
#endif

namespace autobird {

/// Lets the calling thread, and those that it starts, give way to threads of usual priority: a server that computes on every
/// core goes on to respond to what needs no computing. Linux alone counts this by thread; elsewhere nothing changes.
inline void giveWay() {
#ifdef __linux__
  constexpr int kNiceness = 15;
  // Where it fails, computing takes its share as before.
  static_cast<void>(setpriority(PRIO_PROCESS, 0, kNiceness));
#endif
}

}  // namespace autobird
