// Loads a version of an export and runs a signature, as TF Serving does: the
// same LoadSavedModel, the tag "serve", a session, and XLA off. Nothing of
// Python is in it. See kUsage, and build.sh for how to build it.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <complex>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <limits>
#include <map>
#include <sstream>
#include <string>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

#include "tensor_files.h"
#include "tensorflow/cc/saved_model/loader.h"
#include "tensorflow/core/public/session.h"

namespace tensorflow {
// Of tensorflow/compiler/jit/flags.h. A server is built without XLA.
bool DisableXlaCompilation();
}  // namespace tensorflow

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

using tensorflow::SignatureDef;
using tensorflow::Tensor;

constexpr char kUsage[] = R"(Usage:

    load VERSION_FOLDER                     lists the signatures
    load VERSION_FOLDER SIGNATURE [...]     runs one

    --input KEY=FILE        an input; .npy, or .strings for strings
    --output KEY=FILE       where to write an output, in the same formats
    --expected KEY=FILE     compares an output with a file
    --tolerance NUMBER      largest absolute difference from it; 1e-5
    --repeat N              runs N times more and prints the latencies
    --wait                  then reads numbers from standard input, one a line,
                            and for each runs that often and prints latencies
    --tags A,B              tags of the graph; serve

All inputs of the signature are needed, as on the server. Exit status: 0 if all
is well, 1 if TensorFlow refuses the folder or the inputs, 2 if the command or
a file is wrong, 3 if an output is not what was expected.

TF_CPP_MIN_LOG_LEVEL=3 in the environment silences TensorFlow's own log.
)";

enum Status { kFine = 0, kRefused = 1, kWrongUse = 2, kDifferent = 3 };

// Ends the program with a status and a message.
struct Stop {
  Status status;
  std::string message;
};

using Files = std::vector<std::pair<std::string, std::string>>;

struct Options {
  std::string folder, signature;
  Files inputs, outputs, expected;
  std::unordered_set<std::string> tags = {"serve"};
  double tolerance = 1e-5;
  int repeat = 0;
  bool wait = false;
};

double ToNumber(const std::string& name, const std::string& value) {
  char* end = nullptr;
  const double number = std::strtod(value.c_str(), &end);
  if (value.empty() || *end != '\0' || !(number >= 0)) {
    throw Stop{kWrongUse, name + " needs a number from 0, not " + value};
  }
  return number;
}

std::pair<std::string, std::string> ToFile(const std::string& name,
                                           const std::string& value) {
  const size_t place = value.find('=');
  if (place == std::string::npos || place == 0) {
    throw Stop{kWrongUse, name + " needs KEY=FILE, not " + value};
  }
  return {value.substr(0, place), value.substr(place + 1)};
}

Options Parse(const std::vector<std::string>& words) {
  Options options;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--wait") {
      options.wait = true;
    } else if (word.compare(0, 2, "--") != 0) {
      if (!options.signature.empty()) {
        throw Stop{kWrongUse, "One word too many: " + word};
      }
      (options.folder.empty() ? options.folder : options.signature) = word;
    } else if (i + 1 == words.size()) {
      throw Stop{kWrongUse, word + " is unknown or needs a value"};
    } else {
      const std::string& value = words[++i];
      if (word == "--input") {
        options.inputs.push_back(ToFile(word, value));
      } else if (word == "--output") {
        options.outputs.push_back(ToFile(word, value));
      } else if (word == "--expected") {
        options.expected.push_back(ToFile(word, value));
      } else if (word == "--tolerance") {
        options.tolerance = ToNumber(word, value);
      } else if (word == "--repeat") {
        options.repeat = static_cast<int>(ToNumber(word, value));
      } else if (word == "--tags") {
        options.tags.clear();
        std::istringstream tags(value);
        for (std::string tag; std::getline(tags, tag, ',');) {
          options.tags.insert(tag);
        }
      } else {
        throw Stop{kWrongUse, word + " is unknown"};
      }
    }
  }
  if (options.folder.empty()) throw Stop{kWrongUse, kUsage};
  return options;
}

void Check(const absl::Status& status) {
  if (status.ok()) return;
  throw Stop{kRefused, absl::StatusCodeToString(status.code()) + ": " +
                           std::string(status.message())};
}

template <typename Map>
std::string Keys(const Map& map) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : map) keys.push_back(key);
  std::sort(keys.begin(), keys.end());
  std::string text;
  for (const auto& key : keys) text += (text.empty() ? "" : ", ") + key;
  return text;
}

const tensorflow::TensorInfo& Find(
    const google::protobuf::Map<std::string, tensorflow::TensorInfo>& infos,
    const std::string& key, const std::string& what) {
  const auto found = infos.find(key);
  if (found == infos.end()) {
    throw Stop{kWrongUse, "The signature has no " + what + " " + key +
                              ", but " + Keys(infos)};
  }
  return found->second;
}

void List(const google::protobuf::Map<std::string, SignatureDef>& signatures) {
  for (const auto& [name, signature] :
       std::map<std::string, SignatureDef>(signatures.begin(),
                                           signatures.end())) {
    if (name.compare(0, 2, "__") == 0) continue;  // TensorFlow's own
    std::cout << "signature " << name << " " << signature.method_name() << "\n";
    for (const bool is_input : {true, false}) {
      const auto& infos = is_input ? signature.inputs() : signature.outputs();
      for (const auto& [key, info] :
           std::map<std::string, tensorflow::TensorInfo>(infos.begin(),
                                                         infos.end())) {
        std::cout << (is_input ? "  input " : "  output ") << key << " "
                  << tensorflow::DataTypeString(info.dtype()) << " "
                  << tensorflow::PartialTensorShape(info.tensor_shape())
                         .DebugString()
                  << "\n";
      }
    }
  }
}

// A signature with its inputs, ready to run.
struct Runner {
  tensorflow::Session* session;
  std::vector<std::pair<std::string, Tensor>> feeds;
  std::vector<std::string> keys, fetches;

  std::vector<Tensor> Run() const {
    std::vector<Tensor> outputs;
    Check(session->Run(feeds, fetches, {}, &outputs));
    return outputs;
  }

  size_t IndexOf(const std::string& key) const {
    return std::find(keys.begin(), keys.end(), key) - keys.begin();
  }
};

Runner Prepare(const Options& options, const SignatureDef& signature,
               tensorflow::Session* session) {
  Runner runner{session, {}, {}, {}};
  std::map<std::string, std::string> given;
  for (const auto& [key, file] : options.inputs) {
    const auto& info = Find(signature.inputs(), key, "input");
    runner.feeds.emplace_back(info.name(), tensor_files::Read(file));
    given[key] = file;
  }
  if (given.size() < signature.inputs().size()) {
    throw Stop{kWrongUse, "The signature needs the inputs " +
                              Keys(signature.inputs()) + "; given: " +
                              (given.empty() ? "none" : Keys(given))};
  }
  for (const auto& [key, info] : signature.outputs()) {
    runner.keys.push_back(key);
    runner.fetches.push_back(info.name());
  }
  for (const auto* files : {&options.outputs, &options.expected}) {
    for (const auto& [key, file] : *files) {
      Find(signature.outputs(), key, "output");
    }
  }
  return runner;
}

template <typename T>
double Distance(const Tensor& one, const Tensor& other) {
  const T* x = static_cast<const T*>(one.data());
  const T* y = static_cast<const T*>(other.data());
  double largest = 0;
  for (int64_t i = 0; i < one.NumElements(); ++i) {
    if (x[i] == y[i] || (x[i] != x[i] && y[i] != y[i])) continue;  // or NaNs
    double distance = 0;
    if constexpr (std::is_same_v<T, std::complex<float>> ||
                  std::is_same_v<T, std::complex<double>>) {
      distance = std::abs(std::complex<double>(x[i] - y[i]));
    } else {
      distance = std::abs(static_cast<double>(x[i]) -
                          static_cast<double>(y[i]));
    }
    largest = std::isnan(distance) ? kInfinity : std::max(largest, distance);
    if (std::isinf(largest)) break;
  }
  return largest;
}

bool SameStrings(const Tensor& one, const Tensor& other) {
  const auto x = one.flat<tensorflow::tstring>();
  const auto y = other.flat<tensorflow::tstring>();
  for (int64_t i = 0; i < x.size(); ++i) {
    if (x(i) != y(i)) return false;
  }
  return true;
}

// The largest difference; infinite where types, shapes or strings differ.
double Difference(const Tensor& one, const Tensor& other) {
  if (one.dtype() != other.dtype() || one.shape() != other.shape()) {
    return kInfinity;
  }
  switch (one.dtype()) {
#define COMPARE(TYPE)                          \
  case tensorflow::DataTypeToEnum<TYPE>::value: \
    return Distance<TYPE>(one, other)
    COMPARE(float);
    COMPARE(double);
    COMPARE(Eigen::half);
    COMPARE(tensorflow::bfloat16);
    COMPARE(int8_t);
    COMPARE(int16_t);
    COMPARE(int32_t);
    COMPARE(int64_t);
    COMPARE(uint8_t);
    COMPARE(uint16_t);
    COMPARE(uint32_t);
    COMPARE(uint64_t);
    COMPARE(bool);
    COMPARE(std::complex<float>);
    COMPARE(std::complex<double>);
#undef COMPARE
    case tensorflow::DT_STRING:
      return SameStrings(one, other) ? 0 : kInfinity;
    default:
      return kInfinity;
  }
}

Status Compare(const Options& options, const Runner& runner,
               const std::vector<Tensor>& outputs) {
  Status status = kFine;
  for (const auto& [key, file] : options.expected) {
    const Tensor& found = outputs[runner.IndexOf(key)];
    const Tensor expected = tensor_files::Read(file);
    const double difference = Difference(found, expected);
    std::cout << "difference " << key << " " << difference << "\n";
    if (difference <= options.tolerance) continue;
    status = kDifferent;
    std::cerr << "Output " << key << " is not as in " << file
              << ": the largest difference is " << difference << ", allowed is "
              << options.tolerance << "; " << found.DebugString(4)
              << " against " << expected.DebugString(4) << "\n";
  }
  return status;
}

double Seconds() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void PrintLatencies(const Runner& runner, int repeat) {
  std::vector<double> milliseconds;
  for (int i = 0; i < repeat; ++i) {
    const double start = Seconds();
    runner.Run();
    milliseconds.push_back(1000 * (Seconds() - start));
  }
  if (milliseconds.empty()) return;
  std::sort(milliseconds.begin(), milliseconds.end());
  const size_t last = milliseconds.size() - 1;
  const double median =
      (milliseconds[last / 2] + milliseconds[(last + 1) / 2]) / 2;
  std::cout << "latency runs " << repeat << " median_ms " << median
            << " p90_ms " << milliseconds[(9 * repeat + 9) / 10 - 1]
            << std::endl;
}

Status Main(const Options& options) {
  tensorflow::DisableXlaCompilation();
  tensorflow::SavedModelBundle bundle;
  double start = Seconds();
  Check(tensorflow::LoadSavedModel({}, {}, options.folder, options.tags,
                                   &bundle));
  std::cout << "loaded seconds " << Seconds() - start << "\n";
  const auto& signatures = bundle.GetSignatures();
  if (options.signature.empty()) {
    List(signatures);
    return kFine;
  }
  const auto found = signatures.find(options.signature);
  if (found == signatures.end()) {
    throw Stop{kWrongUse, "The export has no signature " + options.signature +
                              ", but " + Keys(signatures)};
  }
  const Runner runner = Prepare(options, found->second, bundle.GetSession());
  start = Seconds();
  const std::vector<Tensor> outputs = runner.Run();
  std::cout << "first run seconds " << Seconds() - start << "\n";
  for (size_t i = 0; i < outputs.size(); ++i) {
    std::cout << "output " << runner.keys[i] << " "
              << tensorflow::DataTypeString(outputs[i].dtype()) << " "
              << outputs[i].shape().DebugString() << "\n";
  }
  for (const auto& [key, file] : options.outputs) {
    tensor_files::Write(file, outputs[runner.IndexOf(key)]);
  }
  const Status status = Compare(options, runner, outputs);
  PrintLatencies(runner, options.repeat);
  if (options.wait) {
    std::cout << "waiting" << std::endl;
    for (std::string line; std::getline(std::cin, line);) {
      PrintLatencies(runner,
                     static_cast<int>(ToNumber("a line of input", line)));
    }
  }
  return status;
}

}  // namespace

int main(int count, char** words) {
  try {
    return Main(Parse({words + 1, words + count}));
  } catch (const Stop& stop) {
    std::cerr << stop.message << std::endl;
    return stop.status;
  } catch (const tensor_files::FileError& error) {
    std::cerr << error.what() << std::endl;
    return kWrongUse;
  } catch (const std::exception& error) {
    std::cerr << "Not foreseen: " << error.what() << std::endl;
    return kRefused;
  }
}
