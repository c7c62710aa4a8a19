// Tensors in files: .npy for numbers, .strings for strings.
//
// .npy is NumPy's format, little-endian and in C order. bfloat16, which NumPy
// does not know, is "<V2", as np.save writes an array of ml_dtypes.bfloat16.
//
// .strings is a line with the shape, then for each string, in C order, a line
// with its number of bytes, its bytes, and a line break. A batch of two:
//
//     strings 2
//     3
//     cat
//     0
//
// and in Python:
//
//     file.write(b"strings %s\n" % " ".join(map(str, shape)).encode())
//     for string in strings:
//         file.write(b"%d\n%s\n" % (len(string), string))

#ifndef KERAS_TRANSFER_TENSOR_FILES_H_
#define KERAS_TRANSFER_TENSOR_FILES_H_

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tensorflow/core/framework/tensor.h"

namespace tensor_files {

using tensorflow::DataType;
using tensorflow::Tensor;
using tensorflow::TensorShape;
using tensorflow::tstring;

// What is wrong with a file; the message names it.
struct FileError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// NumPy's names of the types. A single byte has no order, hence "|".
inline const std::vector<std::pair<DataType, std::string>>& Types() {
  static const auto* types =
      new std::vector<std::pair<DataType, std::string>>{
          {tensorflow::DT_FLOAT, "<f4"},     {tensorflow::DT_DOUBLE, "<f8"},
          {tensorflow::DT_HALF, "<f2"},      {tensorflow::DT_BFLOAT16, "<V2"},
          {tensorflow::DT_INT8, "|i1"},      {tensorflow::DT_INT16, "<i2"},
          {tensorflow::DT_INT32, "<i4"},     {tensorflow::DT_INT64, "<i8"},
          {tensorflow::DT_UINT8, "|u1"},     {tensorflow::DT_UINT16, "<u2"},
          {tensorflow::DT_UINT32, "<u4"},    {tensorflow::DT_UINT64, "<u8"},
          {tensorflow::DT_BOOL, "|b1"},      {tensorflow::DT_COMPLEX64, "<c8"},
          {tensorflow::DT_COMPLEX128, "<c16"},
      };
  return *types;
}

inline bool EndsWith(const std::string& text, const std::string& end) {
  return text.size() >= end.size() &&
         text.compare(text.size() - end.size(), end.size(), end) == 0;
}

inline std::string ReadWhole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw FileError(path + ": cannot be opened");
  std::ostringstream contents;
  contents << file.rdbuf();
  return contents.str();
}

inline TensorShape ShapeOf(const std::string& path,
                           const std::vector<int64_t>& sizes) {
  TensorShape shape;
  if (!TensorShape::BuildTensorShape(sizes, &shape).ok()) {
    throw FileError(path + ": has an impossible shape");
  }
  return shape;
}

// What stands between two texts of an .npy header, which is a Python dict.
inline std::string Between(const std::string& path, const std::string& header,
                           const std::string& before,
                           const std::string& after) {
  const size_t place = header.find(before);
  const size_t start = place + before.size();
  const size_t stop = header.find(after, start);
  if (place == std::string::npos || stop == std::string::npos) {
    throw FileError(path + ": has no " + before + " in its header");
  }
  return header.substr(start, stop - start);
}

inline Tensor ReadNpy(const std::string& path) {
  const std::string contents = ReadWhole(path);
  if (contents.size() < 12 || contents.compare(0, 6, "\x93NUMPY") != 0) {
    throw FileError(path + ": is no .npy file");
  }
  const auto byte = [&](size_t i) -> size_t {
    return static_cast<unsigned char>(contents[i]);
  };
  size_t start = 10, size = byte(8) | byte(9) << 8;
  if (byte(6) > 1) {
    start = 12;
    size |= byte(10) << 16 | byte(11) << 24;
  }
  if (start + size > contents.size()) throw FileError(path + ": is cut off");
  const std::string header = contents.substr(start, size);
  const std::string descr = Between(path, header, "'descr': '", "'");
  if (header.find("'fortran_order': False") == std::string::npos) {
    throw FileError(path + ": is in Fortran order; np.ascontiguousarray helps");
  }
  std::istringstream numbers(Between(path, header, "'shape': (", ")"));
  std::vector<int64_t> sizes;
  for (std::string number; std::getline(numbers, number, ',');) {
    if (number.find_first_not_of(' ') == std::string::npos) continue;
    sizes.push_back(std::strtoll(number.c_str(), nullptr, 10));
  }
  for (const auto& [type, name] : Types()) {
    if (name != descr && "|" + name.substr(1) != descr) continue;
    Tensor tensor(type, ShapeOf(path, sizes));
    if (contents.size() - start - size != tensor.TotalBytes()) {
      throw FileError(path + ": has too few or too many bytes");
    }
    std::memcpy(tensor.data(), contents.data() + start + size,
                tensor.TotalBytes());
    return tensor;
  }
  throw FileError(path + ": has the type " + descr + ", which cannot be read");
}

inline Tensor ReadStrings(const std::string& path) {
  const std::string contents = ReadWhole(path);
  std::istringstream file(contents);
  std::string line, word;
  std::getline(file, line);
  std::istringstream head(line);
  head >> word;
  if (word != "strings") throw FileError(path + ": is no .strings file");
  std::vector<int64_t> sizes;
  for (int64_t size; head >> size;) sizes.push_back(size);
  const TensorShape shape = ShapeOf(path, sizes);
  // Each takes a line for its length and one for itself.
  if (shape.num_elements() > static_cast<int64_t>(contents.size() / 3)) {
    throw FileError(path + ": has fewer strings than its shape");
  }
  Tensor tensor(tensorflow::DT_STRING, shape);
  auto strings = tensor.flat<tstring>();
  for (int64_t row = 0; row < strings.size(); ++row) {
    std::getline(file, line);
    char* end = nullptr;
    const size_t size = std::strtoull(line.c_str(), &end, 10);
    if (!file || line.empty() || *end != '\0' || size > contents.size()) {
      throw FileError(path + ": has no length before string " +
                      std::to_string(row));
    }
    std::string text(size, '\0');
    file.read(text.data(), size);
    if (!file || file.get() != '\n') {
      throw FileError(path + ": string " + std::to_string(row) +
                      " does not end where its length says");
    }
    strings(row) = text;
  }
  return tensor;
}

inline Tensor Read(const std::string& path) {
  if (EndsWith(path, ".npy")) return ReadNpy(path);
  if (EndsWith(path, ".strings")) return ReadStrings(path);
  throw FileError(path + ": must end in .npy or .strings");
}

inline std::string ToNpy(const Tensor& tensor) {
  std::string descr;
  for (const auto& [type, name] : Types()) {
    if (type == tensor.dtype()) descr = name;
  }
  if (descr.empty()) {
    throw FileError("NumPy has no type for " +
                    tensorflow::DataTypeString(tensor.dtype()));
  }
  std::string shape;
  for (int axis = 0; axis < tensor.dims(); ++axis) {
    shape += std::to_string(tensor.dim_size(axis)) + ",";
  }
  std::string header = "{'descr': '" + descr +
                       "', 'fortran_order': False, 'shape': (" + shape + "), }";
  // The numbers begin at a multiple of 64 bytes.
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  std::string contents("\x93NUMPY\x01\x00", 8);
  contents += static_cast<char>(header.size() & 0xff);
  contents += static_cast<char>(header.size() >> 8);
  contents += header;
  contents.append(static_cast<const char*>(tensor.data()),
                  tensor.TotalBytes());
  return contents;
}

inline std::string ToStrings(const Tensor& tensor) {
  std::string contents = "strings";
  for (int axis = 0; axis < tensor.dims(); ++axis) {
    contents += " " + std::to_string(tensor.dim_size(axis));
  }
  contents += '\n';
  const auto strings = tensor.flat<tstring>();
  for (int64_t row = 0; row < strings.size(); ++row) {
    contents += std::to_string(strings(row).size()) + '\n';
    contents.append(strings(row).data(), strings(row).size());
    contents += '\n';
  }
  return contents;
}

// Whole or not at all: under another name first.
inline void Write(const std::string& path, const Tensor& tensor) {
  const bool is_text = tensor.dtype() == tensorflow::DT_STRING;
  const std::string end = is_text ? ".strings" : ".npy";
  if (!EndsWith(path, end)) {
    throw FileError(path + ": must end in " + end + " for " +
                    tensorflow::DataTypeString(tensor.dtype()));
  }
  const std::string contents = is_text ? ToStrings(tensor) : ToNpy(tensor);
  const std::string partial = path + ".partial";
  std::ofstream file(partial, std::ios::binary);
  file.write(contents.data(), contents.size());
  file.close();
  if (!file || std::rename(partial.c_str(), path.c_str()) != 0) {
    std::remove(partial.c_str());
    throw FileError(path + ": cannot be written");
  }
}

}  // namespace tensor_files

#endif  // KERAS_TRANSFER_TENSOR_FILES_H_
