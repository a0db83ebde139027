// Compares the compiled schema with two tables of Caffe 1.0's, every field and every enum value, in both directions.
//
// Files of Caffe are read by number (binary) and by name (text), and what they leave out means the default; with one
// wrong digit, they would be silently misread. crema's own fields and values begin at 20001 and are not in the tables.
#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "crema.pb.h"

namespace crema {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;

constexpr int first_own_number = 20001;
// Whole messages of crema's own: their numbers begin at 1.
const std::set<std::string> own_messages = {
    "AlgorithmChoice",         "AttentionParameter",    "BNParameter",       "FocalLossParameter", "GELUParameter",
    "GroupNormParameter",      "InstanceNormParameter", "InterpParameter",   "L1LossParameter",    "LayerNormParameter",
    "LayerProgress",           "MatMulParameter",       "MonitorState",      "NetProgress",        "NormalizeParameter",
    "PermuteParameter",        "RMSNormParameter",      "ReLU6Parameter",    "ReorgParameter",     "SELUParameter",
    "ShuffleChannelParameter", "SmoothL1LossParameter", "SoftplusParameter", "UpsampleParameter"};

// Rows of text under a key, the first two columns joined by a dot: "NetParameter.name", "Phase.TRAIN".
// The first cell of a row is the number.
struct Table {
  std::vector<std::string> columns;
  std::map<std::string, std::vector<std::string>> rows;
};

const std::vector<std::string> field_columns = {"number", "label", "type", "default", "packed", "deprecated"};
const std::vector<std::string> enum_columns = {"value"};

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> cells(1);
  for (char c : line) {
    if (c == '\t') {
      cells.emplace_back();
    } else {
      cells.back() += c;
    }
  }
  return cells;
}

// The shortest text that reads back as the same float, so that 1e-08 and 0.00000001 are equal.
std::string canonical_float(const std::string& text) {
  float value = 0;
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  check(result.ec == std::errc() && result.ptr == end, "\"{}\" is not a number", text);
  return fmt::format("{}", value);
}

Table read_table(const std::string& path, const std::vector<std::string>& columns) {
  std::ifstream file(path);
  check(file.good(), "{}: cannot be read", path);
  Table table{columns, {}};
  std::string line;
  std::getline(file, line);
  const std::vector<std::string> header = split(line);
  check(header.size() == columns.size() + 2 && std::equal(columns.begin(), columns.end(), header.begin() + 2),
        "{}: unexpected header \"{}\"", path, line);
  while (std::getline(file, line)) {
    std::vector<std::string> cells = split(line);
    check(cells.size() == header.size(), "{}: {} cells instead of {} in \"{}\"", path, cells.size(), header.size(),
          line);
    const std::string key = cells[0] + "." + cells[1];
    cells.erase(cells.begin(), cells.begin() + 2);
    if (columns == field_columns && cells[2] == "float" && !cells[3].empty()) cells[3] = canonical_float(cells[3]);
    check(table.rows.emplace(key, cells).second, "{}: {} stands twice", path, key);
  }
  return table;
}

template <typename D>
std::string name_without_package(const D* descriptor) {
  return descriptor->full_name().substr(descriptor->file()->package().size() + 1);
}

std::string label_of(const FieldDescriptor& field) {
  if (field.is_required()) return "required";
  return field.is_repeated() ? "repeated" : "optional";
}

std::string type_of(const FieldDescriptor& field) {
  if (field.message_type() != nullptr) return "message:" + name_without_package(field.message_type());
  if (field.enum_type() != nullptr) return "enum:" + name_without_package(field.enum_type());
  return field.type_name();
}

// As the table writes it: empty where the schema states none; a string in quotes, so that "" is not the same as none.
std::string default_of(const FieldDescriptor& field) {
  if (!field.has_default_value()) return "";
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return field.default_value_bool() ? "true" : "false";
    case FieldDescriptor::CPPTYPE_INT32:
      return fmt::format("{}", field.default_value_int32());
    case FieldDescriptor::CPPTYPE_INT64:
      return fmt::format("{}", field.default_value_int64());
    case FieldDescriptor::CPPTYPE_UINT32:
      return fmt::format("{}", field.default_value_uint32());
    case FieldDescriptor::CPPTYPE_UINT64:
      return fmt::format("{}", field.default_value_uint64());
    case FieldDescriptor::CPPTYPE_FLOAT:
      return fmt::format("{}", field.default_value_float());
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return fmt::format("{}", field.default_value_double());
    case FieldDescriptor::CPPTYPE_ENUM:
      return field.default_value_enum()->name();
    case FieldDescriptor::CPPTYPE_STRING:
      return fmt::format("\"{}\"", field.default_value_string());
    case FieldDescriptor::CPPTYPE_MESSAGE:
      break;
  }
  throw Error("{}: a message has no default", field.full_name());
}

void add_enum(const EnumDescriptor& type, Table& enums) {
  for (int i = 0; i < type.value_count(); ++i) {
    const std::string key = name_without_package(&type) + "." + type.value(i)->name();
    enums.rows[key] = {fmt::format("{}", type.value(i)->number())};
  }
}

void add_message(const Descriptor& message, Table& fields, Table& enums) {
  for (int i = 0; i < message.field_count(); ++i) {
    const FieldDescriptor& field = *message.field(i);
    fields.rows[name_without_package(&field)] = {fmt::format("{}", field.number()),
                                                 label_of(field),
                                                 type_of(field),
                                                 default_of(field),
                                                 field.is_packed() ? "1" : "0",
                                                 field.options().deprecated() ? "1" : "0"};
  }
  for (int i = 0; i < message.enum_type_count(); ++i) add_enum(*message.enum_type(i), enums);
  for (int i = 0; i < message.nested_type_count(); ++i) add_message(*message.nested_type(i), fields, enums);
}

struct Schema {
  Table fields{field_columns, {}};
  Table enums{enum_columns, {}};
};

Schema compiled_schema() {
  Schema schema;
  const FileDescriptor& file = *SolverParameter::descriptor()->file();
  for (int i = 0; i < file.message_type_count(); ++i) add_message(*file.message_type(i), schema.fields, schema.enums);
  for (int i = 0; i < file.enum_type_count(); ++i) add_enum(*file.enum_type(i), schema.enums);
  return schema;
}

std::string shown(const std::string& cell) { return cell.empty() ? "none" : cell; }

// Every row of the table is in the schema, cell by cell.
void expect_schema_holds(const Table& table, const Table& schema) {
  for (const auto& [key, cells] : table.rows) {
    const auto found = schema.rows.find(key);
    if (found == schema.rows.end()) {
      ADD_FAILURE() << key << " is in the table and not in the schema";
      continue;
    }
    for (size_t i = 0; i < cells.size(); ++i) {
      EXPECT_TRUE(found->second[i] == cells[i]) << key << ": " << table.columns[i] << " is " << shown(found->second[i])
                                                << " in the schema and " << shown(cells[i]) << " in the table";
    }
  }
}

// Everything in the schema that is not crema's own is in the table.
void expect_table_holds(const Table& table, const Table& schema) {
  for (const auto& [key, cells] : schema.rows) {
    const bool own = std::stoi(cells[0]) >= first_own_number || own_messages.count(key.substr(0, key.find('.'))) != 0;
    EXPECT_TRUE(own || table.rows.count(key) != 0)
        << key << " = " << cells[0] << " is in the schema and not in the table; crema's own begin at "
        << first_own_number;
  }
}

TEST(Schema, FieldsAreThoseOfTheTable) {
  const Table table = read_table(CREMA_TESTS_DIR "/schema/caffe_fields.tsv", field_columns);
  const Table schema = compiled_schema().fields;
  expect_schema_holds(table, schema);
  expect_table_holds(table, schema);
}

TEST(Schema, EnumValuesAreThoseOfTheTable) {
  const Table table = read_table(CREMA_TESTS_DIR "/schema/caffe_enums.tsv", enum_columns);
  const Table schema = compiled_schema().enums;
  expect_schema_holds(table, schema);
  expect_table_holds(table, schema);
}

// An input file without the mark would be looked up only from the working directory. An output file with the mark would
// be refused because it does not exist.
TEST(Schema, InputFilesAreMarked) {
  std::set<std::string> marked;
  for (const auto& [key, cells] : compiled_schema().fields.rows) {
    const auto* field = SolverParameter::descriptor()->file()->pool()->FindFieldByName("crema." + key);
    ASSERT_NE(field, nullptr) << key;
    if (!field->options().GetExtension(input_file)) continue;
    EXPECT_EQ(field->cpp_type(), FieldDescriptor::CPPTYPE_STRING) << key;
    marked.insert(key);
  }
  const std::set<std::string> expected = {
      "DataParameter.label_source",   "DataParameter.mean_file",      "DataParameter.source",
      "HDF5DataParameter.source",     "ImageDataParameter.mean_file", "ImageDataParameter.source",
      "InfogainLossParameter.source", "SolverParameter.net",          "SolverParameter.test_net",
      "SolverParameter.train_net",    "SolverParameter.weights",      "TransformationParameter.mean_file",
      "V0LayerParameter.meanfile",    "V0LayerParameter.source",      "WindowDataParameter.mean_file",
      "WindowDataParameter.source"};
  EXPECT_EQ(marked, expected);
}

}  // namespace
}  // namespace crema
