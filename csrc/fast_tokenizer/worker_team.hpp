// Threads that stay for many short rounds of work.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <thread>
#include <vector>

namespace fast_tokenizer {

// Where parallel_for starts threads for each call, a team starts them once. The calling thread is member 0;
// if the system grants fewer threads than wanted, it does the work of the missing members as well.
class WorkerTeam {
 public:
  explicit WorkerTeam(std::size_t members);
  ~WorkerTeam();
  WorkerTeam(const WorkerTeam&) = delete;
  WorkerTeam& operator=(const WorkerTeam&) = delete;

  std::size_t members() const noexcept { return failures_.size(); }

  // Calls body(member) for every member and waits for all. The exception of the lowest member that threw is
  // rethrown.
  void run(const std::function<void(std::size_t member)>& body);

  // Whether a member has thrown in this round: the others may as well give up.
  bool failing() const noexcept { return failing_.load(std::memory_order_relaxed); }

 private:
  void serve(std::size_t member);
  void work(std::size_t member) noexcept;

  std::vector<std::exception_ptr> failures_;                // by member
  const std::function<void(std::size_t)>* body_ = nullptr;  // of this round; null: go home
  std::atomic<std::uint32_t> round_{0};
  std::atomic<std::size_t> busy_{0};
  std::atomic<bool> failing_{false};
  std::vector<std::thread> threads_;
};

}  // namespace fast_tokenizer
