#include "fast_tokenizer/canvas_constraint.hpp"

#include <algorithm>
#include <limits>

namespace fast_tokenizer {
namespace {

constexpr std::uint32_t kNever = std::numeric_limits<std::uint32_t>::max();

}  // namespace

// What can be reached with k tokens is what can be reached with k - 1, moved on by each length that a token
// has.
CanvasConstraint::CanvasConstraint(const TokenGrammar& grammar, std::size_t length, std::size_t total)
    : length_(length), total_(total), coefficients_(grammar.size()) {
  const auto usable = grammar.successors(TokenGrammar::kStartHistory);
  std::vector<std::uint8_t> is_length(total + 1);
  for (std::size_t id = 0; id < coefficients_.size(); ++id) {
    const TokenGrammar::Step& step = grammar.step(0, id);
    if (!contains(usable, id) || step.next_state != 0) continue;
    coefficients_[id] = static_cast<std::uint32_t>(step.coefficients);
    if (coefficients_[id] <= total) is_length[coefficients_[id]] = 1;
  }
  is_length[0] = 0;
  for (std::size_t one = 1; one <= total; ++one) {
    if (is_length[one] != 0) longest_ = one;
  }

  // A token holds a coefficient at least, so that more of them than coefficients never fit.
  const std::size_t most = std::min(length, total);
  const std::size_t sums = total + 1;
  fewest_.assign((most + 1) * sums, kNever);
  std::vector<std::uint8_t> reached(sums);
  reached[0] = 1;
  for (std::size_t count = 0; count <= most; ++count) {
    for (std::size_t sum = 0; sum < sums; ++sum) {
      if (reached[sum] != 0) fewest_[count * sums + sum] = static_cast<std::uint32_t>(count);
    }
    std::vector<std::uint8_t> next(sums);
    for (std::size_t one = 1; one <= longest_; ++one) {
      if (is_length[one] == 0) continue;
      for (std::size_t sum = one; sum < sums; ++sum) next[sum] |= reached[sum - one];
    }
    reached.swap(next);
  }
  for (std::size_t count = most; count-- > 0;) {
    for (std::size_t sum = 0; sum < sums; ++sum) {
      std::uint32_t& fewest = fewest_[count * sums + sum];
      fewest = std::min(fewest, fewest_[(count + 1) * sums + sum]);
    }
  }
}

bool CanvasConstraint::possible() const { return reachable(0, length_, total_); }

void CanvasConstraint::allowed(std::span<const std::int64_t> canvas, std::size_t position,
                               std::uint8_t* cells) const {
  std::fill_n(cells, ids(), std::uint8_t{0});
  const Reading seen = read(canvas, position);
  if (!seen.completable) return;
  // As padding, the position ends what tokens may fill; as a token, it makes them fill all before it.
  if (position >= seen.end) {
    const std::size_t free = std::min(position, seen.padding) - seen.end;
    cells[ids() - 1] = reachable(seen.masked_inside, seen.masked_inside + free, seen.missing) ? 1 : 0;
  }
  if (position >= seen.padding) return;
  const std::size_t end = std::max(seen.end, position + 1);
  // Between the last token and the position there are masks only.
  const std::size_t least = seen.masked_inside + (position >= seen.end ? position - seen.end : 0);
  const std::size_t most = least + (seen.padding - end);
  std::vector<std::uint8_t> fits(longest_ + 1);
  for (std::size_t one = 1; one <= std::min(longest_, seen.missing); ++one)
    fits[one] = reachable(least, most, seen.missing - one) ? 1 : 0;
  for (std::size_t id = 0; id < coefficients_.size(); ++id)
    cells[id] = coefficients_[id] <= longest_ ? fits[coefficients_[id]] : 0;
}

CanvasConstraint::Reading CanvasConstraint::read(std::span<const std::int64_t> canvas,
                                                 std::size_t position) const {
  const auto pad = static_cast<std::int64_t>(coefficients_.size());
  const std::int64_t mask = pad + 2;
  Reading seen{.padding = length_, .missing = total_};
  if (canvas[position] != mask) return seen;
  std::size_t masked = 0;
  for (std::size_t at = 0; at < length_; ++at) {
    const std::int64_t id = canvas[at];
    if (id == mask) {
      masked += at == position ? 0 : 1;
    } else if (id == pad) {
      seen.padding = std::min(seen.padding, at);
    } else {
      const std::size_t held = 0 <= id && id < pad ? coefficients_[static_cast<std::size_t>(id)] : 0;
      if (held == 0 || held > seen.missing || seen.padding < at) return seen;
      seen.missing -= held;
      seen.end = at + 1;
      seen.masked_inside = masked;
    }
  }
  seen.completable = true;
  return seen;
}

bool CanvasConstraint::reachable(std::size_t least, std::size_t most, std::size_t missing) const {
  const std::size_t sums = total_ + 1;
  return least < fewest_.size() / sums && fewest_[least * sums + missing] <= most;
}

}  // namespace fast_tokenizer
