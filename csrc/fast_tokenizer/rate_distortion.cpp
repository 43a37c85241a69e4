#include "fast_tokenizer/rate_distortion.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

namespace fast_tokenizer {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

// Costs by place, filled from the end on, and the least of any run of them in two look-ups (a sparse table).
class RunningMinima {
 public:
  // Of places 0..length, of which the last costs `cost`.
  void assign(std::size_t length, double cost) {
    length_ = length;
    levels_.assign(static_cast<std::size_t>(std::bit_width(length + 1)), std::vector<double>(length + 1));
    set(length, cost);
  }
  void set(std::size_t at, double cost) {
    levels_[0][at] = cost;
    for (std::size_t level = 1; at + (std::size_t{1} << level) <= length_ + 1; ++level) {
      const auto& half = levels_[level - 1];
      levels_[level][at] = std::min(half[at], half[at + (std::size_t{1} << (level - 1))]);
    }
  }
  double operator[](std::size_t at) const { return levels_[0][at]; }

  // From `first` to `last`, both included.
  double least(std::size_t first, std::size_t last) const {
    const std::size_t run = std::bit_floor(last - first + 1);
    const auto& level = levels_[static_cast<std::size_t>(std::countr_zero(run))];
    return std::min(level[first], level[last + 1 - run]);
  }

 private:
  std::size_t length_ = 0;
  std::vector<std::vector<double>> levels_;  // the least of 2^level places from each one on
};

// A token that may be written at a place.
struct Edge {
  TokenId token;
  std::uint32_t end;  // the place after it
  double cost;
};

// The best way to a place of those that end with a token.
struct Arrival {
  double cost;
  TokenId token;
  std::uint32_t from;  // the arrival before it, where the token begins

  bool operator<(const Arrival& other) const {
    return cost != other.cost ? cost < other.cost : token < other.token;
  }
};

}  // namespace

// What a coefficient may become, as symbols.
struct RateDistortionSearch::Window {
  std::int32_t lowest;
  std::int32_t highest;
  std::int32_t plain;  // what rounding makes of it
  double offset;       // from there to the coefficient

  // Squared error beyond that of rounding. (Near a tie scipy may have rounded to what is further by a hair.)
  double excess(std::int32_t symbol) const {
    const double step = symbol - plain;
    return std::max(0.0, step * (step - 2 * offset));
  }
};

struct RateDistortionSearch::Scratch {
  std::vector<Window> windows;
  std::vector<std::vector<Edge>> edges;  // by place
  RunningMinima rest;                    // by place: the least cost from there on, if any may follow any
  std::vector<std::vector<Arrival>> arrivals;  // by place, the cheapest first
};

RateDistortionSearch::RateDistortionSearch(const CoefficientCoder& coder,
                                           std::shared_ptr<const TokenGrammar> grammar)
    : min_coefficient_(coder.min_coefficient()),
      max_coefficient_(coder.max_coefficient()),
      grammar_(std::move(grammar)),
      texts_(coder.size()) {
  const auto first = grammar_->successors(TokenGrammar::kStartHistory);
  for (std::size_t id = 0; id < coder.size(); ++id) {
    if (contains(first, id)) texts_[id] = coder.text_of(static_cast<TokenId>(id));
  }
  build_trie();
}

void RateDistortionSearch::build_trie() {
  std::vector<std::pair<std::u16string_view, TokenId>> tokens;
  for (std::size_t id = 0; id < texts_.size(); ++id) {
    if (!texts_[id].empty()) tokens.emplace_back(texts_[id], static_cast<TokenId>(id));
  }
  std::sort(tokens.begin(), tokens.end());
  // A node stands for the tokens with a common beginning, which are neighbours. Depth first, so that a walk
  // along a long token, as runs of zeros are, stays in the same part of memory.
  struct Range {
    std::size_t node;
    std::size_t begin;
    std::size_t end;
    std::size_t depth;
  };
  std::vector<Range> open{{0, 0, tokens.size(), 0}};
  nodes_.resize(1);
  symbols_.resize(1);
  while (!open.empty()) {
    auto [node, begin, end, depth] = open.back();
    open.pop_back();
    if (begin < end && tokens[begin].first.size() == depth) nodes_[node].token = tokens[begin++].second;
    nodes_[node].first_child = static_cast<std::uint32_t>(nodes_.size());
    while (begin < end) {
      const Unit symbol = tokens[begin].first[depth];
      std::size_t next = begin;
      while (next < end && tokens[next].first[depth] == symbol) ++next;
      open.push_back({nodes_.size(), begin, next, depth + 1});
      nodes_.emplace_back();
      symbols_.push_back(symbol);
      begin = next;
    }
    nodes_[node].end_child = static_cast<std::uint32_t>(nodes_.size());
  }
  for (std::size_t node = nodes_.size(); node-- > 0;) {
    for (std::uint32_t child = nodes_[node].first_child; child < nodes_[node].end_child; ++child)
      nodes_[node].height = std::max(nodes_[node].height, nodes_[child].height + 1);
  }
}

void RateDistortionSearch::choose(const double* scaled, std::size_t count, std::size_t length, double rdo,
                                  std::int32_t* rounded) const {
  Scratch scratch;
  scratch.edges.resize(length);
  scratch.arrivals.resize(length + 1);
  for (std::size_t i = 0; i < count; ++i) {
    const std::span chunk(rounded + i * length, length);
    open_windows({scaled + i * length, length}, chunk, scratch.windows);
    spell(find_path(rdo, scratch), chunk);
  }
}

void RateDistortionSearch::open_windows(std::span<const double> scaled, std::span<const std::int32_t> rounded,
                                        std::vector<Window>& windows) const {
  windows.clear();
  for (std::size_t i = 0; i < rounded.size(); ++i) {
    const std::int32_t plain = std::clamp(rounded[i], min_coefficient_, max_coefficient_);
    Window window{plain, plain, plain, scaled[i] - plain};
    // What rounding did not leave so near is out of range, or too large for the precision: it stays.
    if (std::abs(scaled[i] - plain) <= kReach) {
      window.lowest = std::max(min_coefficient_, static_cast<std::int32_t>(std::ceil(scaled[i] - kReach)));
      window.highest = std::min(max_coefficient_, static_cast<std::int32_t>(std::floor(scaled[i] + kReach)));
    }
    window.lowest -= min_coefficient_;
    window.highest -= min_coefficient_;
    window.plain -= min_coefficient_;
    windows.push_back(window);
  }
}

// The tokens that may be written at each place, and the least cost from there on if any may follow any. A way
// costs scratch.rest[0] and, for each token, its regret: what it costs more than the best one at its place.
// So tokens of more regret than `slack` are of no use to ways that cost no more than that.
void RateDistortionSearch::find_edges(double rdo, double slack, Scratch& scratch) const {
  const std::size_t length = scratch.windows.size();
  scratch.rest.assign(length, 0.0);
  struct Visit {
    std::uint32_t node;
    std::uint32_t end;
    double cost;
  };
  std::vector<Visit> visits;
  for (std::size_t at = length; at-- > 0;) {
    auto& edges = scratch.edges[at];
    edges.clear();
    double best = kNever;
    visits.push_back({0, static_cast<std::uint32_t>(at), 1.0});
    while (!visits.empty()) {
      const Visit here = visits.back();
      visits.pop_back();
      const Node& node = nodes_[here.node];
      const std::size_t furthest = std::min<std::size_t>(length, here.end + node.height);
      if (here.end > at && here.cost + scratch.rest.least(here.end, furthest) > best + slack) continue;
      if (node.token >= 0) {
        edges.push_back({node.token, here.end, here.cost});
        best = std::min(best, here.cost + scratch.rest[here.end]);
      }
      if (here.end == length) continue;
      const Window& window = scratch.windows[here.end];
      const auto visit = [&](std::uint32_t child) {
        visits.push_back({child, here.end + 1, here.cost + rdo * window.excess(symbols_[child])});
      };
      const auto last = symbols_.begin() + node.end_child;
      auto edge = std::lower_bound(symbols_.begin() + node.first_child, last, window.lowest);
      std::uint32_t plain = 0;  // the root is nobody's child
      for (; edge != last && *edge <= window.highest; ++edge) {
        const auto child = static_cast<std::uint32_t>(edge - symbols_.begin());
        if (*edge == window.plain)
          plain = child;
        else
          visit(child);
      }
      if (plain != 0) visit(plain);  // last in, first out: it makes the best cost small early
    }
    scratch.rest.set(at, best);
  }
}

// The cheapest sequence of tokens, each of which may follow the one before it; none where there is no way.
std::vector<TokenId> RateDistortionSearch::find_path(double rdo, Scratch& scratch) const {
  // What the grammar adds to the least cost without it is tried out: within the first bound that some way
  // keeps, the cheapest one has been found.
  for (int doublings = 0;; ++doublings) {
    const double slack = std::ldexp(1.0, doublings);
    find_edges(rdo, slack, scratch);
    if (scratch.rest[0] == kNever) return {};
    if (arrive(scratch.rest[0] + slack, scratch)) break;
  }
  std::vector<TokenId> path;
  std::uint32_t index = 0;
  for (std::size_t end = scratch.windows.size(); end > 0;) {
    const Arrival& arrival = scratch.arrivals[end][index];
    path.push_back(arrival.token);
    end -= texts_[static_cast<std::size_t>(arrival.token)].size();
    index = arrival.from;
  }
  std::reverse(path.begin(), path.end());
  return path;
}

// Whether the end can be reached at no more than a cost.
bool RateDistortionSearch::arrive(double bound, Scratch& scratch) const {
  const std::size_t length = scratch.windows.size();
  for (auto& arrivals : scratch.arrivals) arrivals.clear();
  scratch.arrivals[0].push_back({0.0, -1, 0});
  for (std::size_t at = 0; at < length; ++at) {
    auto& arrivals = scratch.arrivals[at];
    if (arrivals.empty()) continue;
    std::sort(arrivals.begin(), arrivals.end());
    for (const Edge& edge : scratch.edges[at]) {
      const double most = bound - edge.cost - scratch.rest[edge.end];
      for (std::uint32_t i = 0; i < arrivals.size() && arrivals[i].cost <= most; ++i) {
        if (!may_follow(arrivals[i].token, edge.token)) continue;
        scratch.arrivals[edge.end].push_back({arrivals[i].cost + edge.cost, edge.token, i});
        break;
      }
    }
  }
  auto& last = scratch.arrivals[length];
  std::sort(last.begin(), last.end());
  return !last.empty();
}

bool RateDistortionSearch::may_follow(TokenId left, TokenId right) const {
  const std::size_t history =
      left < 0 ? TokenGrammar::kStartHistory
               : static_cast<std::size_t>(grammar_->step(0, static_cast<std::size_t>(left)).history);
  return contains(grammar_->successors(history), static_cast<std::size_t>(right));
}

void RateDistortionSearch::spell(const std::vector<TokenId>& path, std::span<std::int32_t> rounded) const {
  std::size_t at = 0;
  for (const TokenId id : path) {
    for (const Unit symbol : texts_[static_cast<std::size_t>(id)]) {
      std::int32_t& coefficient = rounded[at++];
      const bool outside = coefficient < min_coefficient_ || max_coefficient_ < coefficient;
      if (!outside) coefficient = min_coefficient_ + symbol;
    }
  }
}

}  // namespace fast_tokenizer
