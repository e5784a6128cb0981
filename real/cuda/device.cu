#include <nvtx3/nvToolsExt.h>

#include <algorithm>
#include <exception>

#include "real/cuda/cuda_call.hpp"
#include "real/cuda/device.hpp"
#include "real/cuda/kernel_lists.hpp"
#include "real/cuda/products.hpp"
#include "scenarios/errors.hpp"

// In both builds the macro is the name that a scenario gives the device.
#define SHARDPROOF_TEXT_OF(name) #name
#define SHARDPROOF_TEXT(name) SHARDPROOF_TEXT_OF(name)

namespace shardproof::real::SHARDPROOF_GPU {

namespace {

/// Whether the device is lost to this process, so that an error of long ago is told again by
/// whatever is called.
bool is_lost() {
  cudaGetLastError();  // forgets an error that concerns one call
  return cudaDeviceSynchronize() != cudaSuccess;
}

int existing(int number) {
  const int count = gpus_seen();
  if (number < 0 || number >= count)
    throw EnvironmentError("there is no GPU " + std::to_string(number) + ": this process sees " +
                           std::to_string(count));
  return number;
}

std::byte* memory_of(std::size_t bytes) {
  void* block = nullptr;
  const cudaError_t answer = cudaMalloc(&block, std::max(bytes, std::size_t{1}));
  if (answer == cudaSuccess) return static_cast<std::byte*>(block);
  cudaGetLastError();
  std::size_t free = 0, total = 0;
  check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
  throw EnvironmentError("the GPU's memory is too small: " + std::to_string(bytes) +
                         " bytes are needed, " + std::to_string(free) + " of " +
                         std::to_string(total) + " are free: " + describe(answer));
}

}  // namespace

CudaDevice::CudaDevice(int number) : number_(existing(number)) {
  check(cudaSetDevice(number_), "cudaSetDevice");
  for (cudaStream_t& stream : streams_)
    check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
  for (std::byte*& workspace : workspaces_) workspace = memory_of(kWorkspaceBytes);
  products_ = std::make_unique<Products>();
  constexpr std::size_t words = ErrorWord::kWords * sizeof(unsigned long long);
  error_words_ = reinterpret_cast<unsigned long long*>(memory_of(words));
  void* pinned = nullptr;
  check(cudaMallocHost(&pinned, words), "cudaMallocHost");
  words_on_host_ = static_cast<unsigned long long*>(pinned);
  asked(cudaMemsetAsync(error_words_, 0, words, handle(Stream::compute)));
  synchronize();
}

// Errors have been told; who throws while this runs ends the program.
CudaDevice::~CudaDevice() {
  cudaSetDevice(number_);
  for (const cudaStream_t stream : streams_) cudaStreamSynchronize(stream);
  for (const Recorded& recorded : recorded_) cudaEventDestroy(recorded.event);
  for (const cudaEvent_t event : free_events_) cudaEventDestroy(event);
  cudaFreeHost(words_on_host_);
  cudaFree(error_words_);
  for (std::byte* const workspace : workspaces_) cudaFree(workspace);
  for (const cudaStream_t stream : streams_) cudaStreamDestroy(stream);
}

const char* CudaDevice::name() const { return SHARDPROOF_TEXT(SHARDPROOF_GPU); }

const KernelTable& CudaDevice::kernels() const {
  static const KernelTable table(
      {attention_kernels(), expert_kernels(), gelu_kernels(), gradient_norm_kernels(),
       head_kernels(), loss_kernels(), matmul_kernels(), move_kernels(), norm_kernels(),
       pointwise_kernels(), rotary_kernels(), token_kernels(), update_kernels()});
  return table;
}

std::byte* CudaDevice::allocate(std::size_t bytes) { return memory_of(bytes); }

// Waits for what is under way; an error is told by who synchronizes. Where one is on its way up, a
// collective may be under way that the others never come to: nobody would hear of the error if its
// end were waited for here, before the communicator can give it up. The block is left to the end of
// the process.
void CudaDevice::release(std::byte* block, std::size_t) {
  if (std::uncaught_exceptions() == 0) cudaFree(block);
}

void CudaDevice::copy(const TensorView& from, const TensorView& to, Stream stream) {
  SHARDPROOF_EXPECTS(from.dtype == to.dtype, name_of(from.dtype), name_of(to.dtype));
  SHARDPROOF_EXPECTS(from.elements() == to.elements(), to_string(from.shape), to_string(to.shape));
  if (from.bytes() == 0 || from.data == to.data) return;
  asked(
      cudaMemcpyAsync(to.data, from.data, from.bytes(), cudaMemcpyDeviceToDevice, handle(stream)));
}

void CudaDevice::copy_2d(const Copy2d& copy, Stream stream) {
  if (copy.width == 0 || copy.rows == 0) return;
  // One row needs no pitch, and several that lie together are one: a pitch may be wider than the
  // runtime allows.
  const bool one = copy.rows == 1 || (copy.from_pitch == copy.width && copy.to_pitch == copy.width);
  if (one)
    asked(cudaMemcpyAsync(copy.to, copy.from, copy.width * copy.rows, cudaMemcpyDeviceToDevice,
                          handle(stream)));
  else
    asked(cudaMemcpy2DAsync(copy.to, copy.to_pitch, copy.from, copy.from_pitch, copy.width,
                            copy.rows, cudaMemcpyDeviceToDevice, handle(stream)));
}

void CudaDevice::fill(const TensorView& to, std::byte value, Stream stream) {
  if (to.bytes() == 0) return;
  asked(cudaMemsetAsync(to.data, std::to_integer<int>(value), to.bytes(), handle(stream)));
}

// The host's memory is pageable: the runtime takes the bytes before it returns.
void CudaDevice::copy_from_host(std::span<const std::byte> host, const TensorView& to,
                                Stream stream) {
  SHARDPROOF_EXPECTS(host.size() == to.bytes(), host.size(), to.bytes());
  if (host.empty()) return;
  asked(cudaMemcpyAsync(to.data, host.data(), host.size(), cudaMemcpyHostToDevice, handle(stream)));
}

void CudaDevice::copy_to_host(const TensorView& from, std::span<std::byte> host, Stream stream) {
  SHARDPROOF_EXPECTS(host.size() == from.bytes(), host.size(), from.bytes());
  if (host.empty()) return;
  asked(
      cudaMemcpyAsync(host.data(), from.data, host.size(), cudaMemcpyDeviceToHost, handle(stream)));
}

// ---- Order

// Events that are past serve again. Nobody waits for one to be: the runtime is only asked.
cudaEvent_t CudaDevice::take_event() {
  constexpr std::size_t enough = 64;
  if (free_events_.empty() && recorded_.size() >= enough &&
      cudaEventQuery(recorded_.front().event) == cudaSuccess) {
    free_events_.push_back(recorded_.front().event);
    recorded_.pop_front();
  }
  if (free_events_.empty()) {
    cudaEvent_t event = nullptr;
    check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "cudaEventCreateWithFlags");
    return event;
  }
  const cudaEvent_t event = free_events_.back();
  free_events_.pop_back();
  return event;
}

Event CudaDevice::record(Stream stream) {
  recorded_.push_back({events_ + 1, take_event()});
  asked(cudaEventRecord(recorded_.back().event, handle(stream)));
  return {++events_};
}

const CudaDevice::Recorded* CudaDevice::not_past(Event event) const {
  SHARDPROOF_EXPECTS(0 < event.number && event.number <= events_, event.number, events_);
  const auto found = std::ranges::lower_bound(recorded_, event.number, {}, &Recorded::number);
  return found == recorded_.end() || found->number != event.number ? nullptr : &*found;
}

void CudaDevice::wait(Stream stream, Event event) {
  if (const Recorded* recorded = not_past(event))
    asked(cudaStreamWaitEvent(handle(stream), recorded->event, 0));
}

void CudaDevice::wait_on_host(Event event) {
  if (const Recorded* recorded = not_past(event))
    expect_done(cudaEventSynchronize(recorded->event));
}

std::optional<KernelError> CudaDevice::synchronize() {
  for (const cudaStream_t stream : streams_) expect_done(cudaStreamSynchronize(stream));
  const std::optional<KernelError> error = read_error_word();
  for (const Recorded& recorded : recorded_) free_events_.push_back(recorded.event);
  recorded_.clear();
  first_op_.clear();
  last_op_.clear();
  return error;
}

std::map<std::string, std::string> CudaDevice::choices() const { return products_->settings(); }

std::optional<KernelError> CudaDevice::read_error_word() {
  constexpr std::size_t bytes = ErrorWord::kWords * sizeof(unsigned long long);
  const cudaStream_t stream = handle(Stream::compute);
  asked(cudaMemcpyAsync(words_on_host_, error_words_, bytes, cudaMemcpyDeviceToHost, stream));
  expect_done(cudaStreamSynchronize(stream));
  if (words_on_host_[0] == 0) return std::nullopt;
  asked(cudaMemsetAsync(error_words_, 0, bytes, stream));
  const auto word = [this](int i) { return static_cast<std::int64_t>(words_on_host_[i]); };
  return KernelError{static_cast<KernelError::Code>(word(1)), word(2), word(3), word(4)};
}

// ---- Errors

// A range of a profiler for each op: of what the host asks for, and so of what the device does.
void CudaDevice::begin_op(const std::string& name) {
  if (!op_.empty()) nvtxRangePop();
  op_ = name;
  if (!op_.empty()) nvtxRangePushA(op_.c_str());
}

void CudaDevice::asked(cudaError_t answer) {
  if (first_op_.empty()) first_op_ = op_;
  last_op_ = op_;
  if (answer != cudaSuccess) fail(answer, op_);
}

void CudaDevice::enqueued(std::int64_t tag, cudaError_t answer) {
  if (op_.empty() && answer != cudaSuccess) fail(answer, "call " + std::to_string(tag));
  asked(answer);
}

void CudaDevice::fail(cudaError_t answer, const std::string& op) {
  if (is_lost()) expect_done(answer);
  throw EnvironmentError((op.empty() ? "" : op + ": ") + "the GPU refuses: " + describe(answer));
}

void CudaDevice::expect_done(cudaError_t answer) {
  if (answer == cudaSuccess) return;
  const std::string one =
      first_op_ == last_op_ ? first_op_ : "one of the ops from " + first_op_ + " to " + last_op_;
  throw EnvironmentError((one.empty() ? "" : one + ": ") + "the GPU failed: " + describe(answer));
}

}  // namespace shardproof::real::SHARDPROOF_GPU
