// What masked decoding wants to know of a model's logits at a position: the likeliest id, how likely it and
// the next one are, the entropy, and an id drawn from the distribution.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace fast_tokenizer {

// What is asked about the logits of one position.
struct LogitQuery {
  std::size_t ids;              // candidates, at least 1
  const std::int64_t* columns;  // [ids]: where the logit of each lies; null: at its own number
  const std::uint8_t* allowed;  // [ids]: 0 for what is as unlikely as can be; null: all may come
  std::int64_t kept;            // an id whose probability is wanted; -1: that of the id that is chosen
  double temperature;  // 0: the likeliest id is chosen; else one is drawn from softmax(x / temperature)
  double uniform;      // in [0, 1): where the cumulative distribution is met by what is drawn
};

// What a kernel finds. Sums are of the exponentials of logit minus `largest`.
struct LogitSums {
  bool comparable;  // no logit of an allowed id is NaN or plus infinity; if false, the rest means nothing
  double largest;   // minus infinity where no id may come; then `id` and the sums mean nothing
  double second;    // the next one; the same where two are largest
  double chosen;    // of the id whose probability is wanted
  double sum;       // of exp(d), d = x - largest
  double weighted;  // of d exp(d)
  std::int64_t id;  // the first of the likeliest, or the one drawn
};

// Doubles of scratch, aligned to 64 bytes, that a query for so many ids needs: twice their number, rounded up
// to a whole vector of floats.
constexpr std::size_t logit_scratch(std::size_t ids) { return 2 * ((ids + 15) / 16 * 16); }

// Logits of canvases, and what is asked about some of their positions.
template <class Cell>
struct LogitCanvases {
  const Cell* logits;  // [rows, length, width]
  std::size_t rows;
  std::size_t length;
  std::size_t width;
  const std::uint8_t* asked;         // [rows, length]: 0 where nothing is
  std::size_t ids;                   // as in LogitQuery
  const std::int64_t* columns;       // [ids] or null, as in LogitQuery
  const std::uint8_t* allowed;       // [.., ids] or null
  const std::int64_t* allowed_rows;  // [rows, length]: which row of `allowed`; null if that is
  const std::int64_t* kept;          // [rows, length], as in LogitQuery; null: -1
  const double* temperatures;        // [rows]; null if `uniforms` is
  const double* uniforms;            // [rows, length]; null: nothing is drawn
};

// Where the answers go, each [rows, length]; 0 where nothing is asked. Probabilities are of softmax(x) over
// the allowed ids, without temperature. NaN in `largest` where a logit is not comparable, 0 where no id may
// come.
struct LogitAnswers {
  std::int64_t* ids;
  double* largest;
  double* second;
  double* entropy;  // in nats
  double* chosen;   // of `kept`, or of `ids` where that is -1
};

// Sums are in float64, of exponentials that are right to 3e-10: distributions that are equal but for their
// order agree to 1e-13. Gives the first cell that has no answer, or -1.
template <class Cell>
std::ptrdiff_t reduce_logits(const LogitCanvases<Cell>& canvases, const LogitAnswers& answers);

// Far above those errors, so that equal distributions get equal figures, in whatever order and by whatever
// processor they were summed. Sums of multiples of it are exact.
constexpr double kProbabilityGrid = 0x1p-24;

// Rounds figures below 2^26 to multiples of it; NaN stays.
void round_to_probability_grid(std::span<double> figures);

}  // namespace fast_tokenizer
