// Reading text: what is refused, with which message; what is accepted, as by protobuf; and the position of each field.
#include <gtest/gtest.h>

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include <unistd.h>

#include <filesystem>
#include <functional>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "config/check.h"
#include "config/net_config.h"
#include "config/prototxt.h"
#include "config/unknown_field.h"
#include "support/messages.h"

namespace crema {
namespace {

using google::protobuf::TextFormat;

struct BadText {
  const char* name;
  std::string text;
  std::string message;
};

void PrintTo(const BadText& row, std::ostream* out) { *out << row.name; }

std::string name_of(const testing::TestParamInfo<BadText>& row) { return row.param.name; }

class NetText : public testing::TestWithParam<BadText> {};
class SolverText : public testing::TestWithParam<BadText> {};

TEST_P(NetText, IsRefused) {
  EXPECT_EQ(message_of([] { parse_net(GetParam().text, "net.prototxt"); }), GetParam().message);
}

TEST_P(SolverText, IsRefused) {
  EXPECT_EQ(message_of([] { parse_solver(GetParam().text, "s.prototxt"); }), GetParam().message);
}

const std::vector<BadText> kBadNets = {
    {"UnknownField", "name: \"a\"\nlayer {\n  nam: \"b\"\n}",
     "net.prototxt:3:3: LayerParameter has no field \"nam\"; did you mean \"name\"?"},
    {"UnknownFieldInside", "layer { convolution_param { kernelsize: 3 } }",
     "net.prototxt:1:29: ConvolutionParameter has no field \"kernelsize\"; did you mean \"kernel_size\"?"},
    {"UnknownFieldLikeNoOther", "xyzzy: 1", "net.prototxt:1:1: NetParameter has no field \"xyzzy\""},
    {"UnknownMessage", "layer { \n pooling_parm {} }",
     "net.prototxt:2:2: LayerParameter has no field \"pooling_parm\"; did you mean \"pooling_param\"?"},
    {"FieldOfTheSurroundingMessage", "layer { convolution_param { name: \"x\" } }",
     "net.prototxt:1:29: ConvolutionParameter has no field \"name\"; \"layer\" around it has: is "
     "\"convolution_param\" of line 1 not closed?"},
    {"FieldOfAFork", "layer { pooling_param {\n ceil_mode: false } }",
     "net.prototxt:2:2: PoolingParameter has no field \"ceil_mode\"; say round_mode: FLOOR for ceil_mode: false; "
     "true is the default, CEIL"},
    {"FieldOfAnOldFormat", "layer { blobs_lr: 1 }",
     "net.prototxt:1:9: LayerParameter has no field \"blobs_lr\"; lr_mult and decay_mult of each parameter stand in a "
     "param { } of its own"},
    {"FieldOfAnInnerMessage", "layer { negative_slope: 0.1 }",
     "net.prototxt:1:9: LayerParameter has no field \"negative_slope\"; it belongs inside \"relu_param\" or "
     "\"relu6_param\""},
    {"FieldOfSeveralInnerMessages", "layer { axis: 1 dilation: 2 }",
     "net.prototxt:1:9: LayerParameter has no field \"axis\"; it belongs inside the \"*_param\" of the layer's type"},
    {"FileOfASolver", "base_lr: 0.1",
     "net.prototxt:1:1: NetParameter has no field \"base_lr\"; is this file a solver, and not a net?"},
    {"EnumValue", "layer {\n  pooling_param { pool: MAXX }\n}",
     "net.prototxt:2:25: field \"pool\" takes MAX, AVE or STOCHASTIC, not \"MAXX\"; did you mean \"MAX\"?"},
    {"EnumValueInLowerCase", "layer { phase: train }",
     "net.prototxt:1:16: field \"phase\" takes TRAIN or TEST, not \"train\"; did you mean \"TRAIN\"?"},
    {"EnumValueLikeNoOther", "layer { phase: 7 }", "net.prototxt:1:16: field \"phase\" takes TRAIN or TEST, not \"7\""},
    {"EnumValueNegative", "layer { phase: -1 }", "net.prototxt:1:16: field \"phase\" takes TRAIN or TEST, not \"-1\""},
    {"EnumValueOutOfRange", "layer { phase: 4294967296 }",
     "net.prototxt:1:16: field \"phase\" takes TRAIN or TEST, not \"4294967296\""},
    {"EnumValueQuoted", "layer { phase: \"TRAIN\" }",
     "net.prototxt:1:16: field \"phase\" takes a name without quotes: TRAIN or TEST, not \"TRAIN\""},
    {"EnumOfMany", "layers { type: CONVOLUTIONS }",
     "net.prototxt:1:16: field \"type\" has no value \"CONVOLUTIONS\"; did you mean \"CONVOLUTION\"?"},
    {"EnumOfManyQuoted", "layers { type: \"CONVOLUTION\" }",
     "net.prototxt:1:16: field \"type\" takes a name without quotes, not \"CONVOLUTION\""},
    {"MessageGivenTwice", "layer {\n pooling_param { }\n pooling_param { }\n}",
     "net.prototxt:3:2: field \"pooling_param\" is given twice; the first is in line 2"},
    {"RequiredFieldMissing", "layer {\n  clip_param { max: 1 }\n}",
     "net.prototxt:2:3: clip_param lacks the field \"min\", which it must have"},
    {"TypeWithoutQuotes", "layer { type: ReLU }",
     "net.prototxt:1:15: field \"type\" takes a string in quotes, not \"ReLU\""},
    {"StringForInteger", "layer { inner_product_param { num_output: \"10\" } }",
     "net.prototxt:1:43: field \"num_output\" takes a whole number, not \"10\""},
    {"FractionForInteger", "layer { inner_product_param { num_output: 1.5 } }",
     "net.prototxt:1:43: field \"num_output\" takes a whole number, not \"1.5\""},
    {"NegativeForUnsigned", "layer { convolution_param { pad: -1 } }",
     "net.prototxt:1:34: field \"pad\" takes a whole number from 0 to 4294967295, not \"-1\""},
    {"IntegerOutOfRange", "layer { softmax_param { axis: 2147483648 } }",
     "net.prototxt:1:31: field \"axis\" takes a whole number from -2147483648 to 2147483647, not \"2147483648\""},
    {"BlockForValue", "name { }", "net.prototxt:1:6: expected \":\" after \"name\", found \"{\""},
    {"ValueForBlock", "layer: 3", "net.prototxt:1:8: expected \"{\" after \"layer\", found \"3\""},
    {"NothingForBlock", "layer", "net.prototxt:1:6: expected \"{\" after \"layer\", found the end of the file"},
    {"NothingForValue", "name:", "net.prototxt:1:6: field \"name\" takes a string in quotes, not the end of the file"},
    {"NoColon", "name \"x\"", "net.prototxt:1:6: expected \":\" after \"name\", found \"x\""},
    {"NotClosed", "name: \"x\"\n\n layer {\n  name: \"y\"\n",
     "net.prototxt:3:2: layer \"y\" is not closed: the file ends within it"},
    {"NotClosedWithin", "layer {\n  name: \"y\"\n  pooling_param {\n",
     "net.prototxt:1:1: layer \"y\" is not closed: the file ends within it, in \"pooling_param\" of line 3"},
    {"NotClosedBeforeTheNext", "layer {\n  name: \"a\"\n  type: \"ReLU\"\n\nlayer {\n  name: \"b\"\n}\n",
     "net.prototxt:1:1: layer \"a\" is not closed: a \"}\" is missing before line 5"},
    {"NotClosedParam",
     "layer {\n  name: \"a\"\n  convolution_param {\n    num_output: 3\n}\nlayer {\n  name: \"b\"\n}\n",
     "net.prototxt:1:1: layer \"a\" is not closed: a \"}\" is missing before line 6; as it stands, the one in line 5 "
     "closes \"convolution_param\" of line 3"},
    {"NotClosedTwice", "layer { name: \"a\"\n convolution_param { num_output: 3\nlayer { name: \"b\" }",
     "net.prototxt:1:1: layer \"a\" and \"convolution_param\" in line 2 are not closed: a \"}\" is missing before line "
     "3"},
    {"NotClosedOldLayer", "layers {\n name: \"a\"\nlayers {\n name: \"b\" }",
     "net.prototxt:1:1: layer \"a\" is not closed: a \"}\" is missing before line 3"},
    {"NotClosedFiller", "layer { inner_product_param {\n weight_filler { type: \"xavier\"\n num_output: 3 } }",
     "net.prototxt:3:2: FillerParameter has no field \"num_output\"; \"inner_product_param\" around it has: is "
     "\"weight_filler\" of line 2 not closed?"},
    {"ClosedTwice", "layer { } }",
     "net.prototxt:1:11: this \"}\" closes nothing: \"layer\" of line 1 is closed in line 1"},
    {"ClosedTooEarly", "layer {\n name: \"a\" }\n  top: \"x\"\n}",
     "net.prototxt:3:3: NetParameter has no field \"top\"; it belongs inside \"layer\" or \"layers\"; layer \"a\" of "
     "line 1 is closed in line 2"},
    {"ClosedBeforeAny", "}", "net.prototxt:1:1: expected a field name, found \"}\""},
    {"ClosedOtherwise", "layer < }", "net.prototxt:1:9: expected \">\", found \"}\""},
    {"ListNotClosed", "input: [\"a\" \"b\" 3", "net.prototxt:1:17: expected \",\" or \"]\", found \"3\""},
    {"ListForSingle", "name: [\"a\"]", "net.prototxt:1:7: field \"name\" takes a string in quotes, not \"[\""},
    {"NameMissing", "\"name\": 1", "net.prototxt:1:1: expected a field name, found \"name\""},
    {"Extension", "[crema.x]: 1", "net.prototxt:1:1: expected a field name, found \"[\""},
    {"StringNotClosed", "name: \"abc\n", "net.prototxt:1:11: string literals cannot cross line boundaries"},
    {"EscapeUnknown", "name: \"\\q\"", "net.prototxt:1:9: invalid escape sequence in string literal"},
    {"TheFirstOfTwoFaults", "name: \"\\q  \\q\"", "net.prototxt:1:9: invalid escape sequence in string literal"},
    {"NumberRunsIntoName", "input_dim: 3x", "net.prototxt:1:13: need space between number and identifier"},
    {"NotAscii", "name: \xC3\xA4", "net.prototxt:1:7: a character outside ASCII, which may stand in strings alone"},
    {"NulByte", std::string("name: \"a\"\n\0", 11),
     "net.prototxt:2:1: byte 0x00: this is a binary file, where text (.prototxt) belongs"},
    {"NulByteFurtherOn", std::string(9000, ' ') + std::string(1, '\0'),
     "net.prototxt:1:9001: invalid control characters encountered in text"},
    {"Caffemodel", "\n\x05LeNet\xA2\x06\x03\x0A\x01x",
     "net.prototxt:2:1: byte 0x05: this is a binary file, where text (.prototxt) belongs"},
    {"LongNameIsShortened", std::string(1000, 'x') + ": 1",
     "net.prototxt:1:1: NetParameter has no field \"" + std::string(60, 'x') + "...\""},
    {"ControlByteIsShown", "layer { type: \"\x1f\" name: Y }",
     "net.prototxt:1:16: byte 0x1F: this is a binary file, where text (.prototxt) belongs"},
    {"BracesAlone", std::string(100000, '{'), "net.prototxt:1:1: expected a field name, found \"{\""},
};

const std::vector<BadText> kBadSolvers = {
    {"UnknownField", "# comment\n\nbase_Ir: 0.1",
     "s.prototxt:3:1: SolverParameter has no field \"base_Ir\"; did you mean \"base_lr\"?"},
    {"GivenTwice", "base_lr: 0.1\n base_lr: 0.1",
     "s.prototxt:2:2: field \"base_lr\" is given twice; the first is in line 1"},
    {"GivenTwiceInANet", "net_param { name: \"a\"\n name: \"a\" }",
     "s.prototxt:2:2: field \"name\" is given twice; the first is in line 1"},
    {"ExponentForInteger", "max_iter: 1e5", "s.prototxt:1:11: field \"max_iter\" takes a whole number, not \"1e5\""},
    {"WordForNumber", "base_lr: abc", "s.prototxt:1:10: field \"base_lr\" takes a number, not \"abc\""},
    {"MinusWord", "base_lr: -abc", "s.prototxt:1:10: field \"base_lr\" takes a number, not \"-abc\""},
    {"OctalForNumber", "base_lr: 01", "s.prototxt:1:10: field \"base_lr\" takes a decimal number, not \"01\""},
    {"WordForBool", "debug_info: yes", "s.prototxt:1:13: field \"debug_info\" takes true or false, not \"yes\""},
    {"NumberForBool", "debug_info: 2", "s.prototxt:1:13: field \"debug_info\" takes true or false, not \"2\""},
    {"StringForBool", "debug_info: \"true\"",
     "s.prototxt:1:13: field \"debug_info\" takes true or false, not \"true\""},
    {"TwoTypes", "type: \"SGD\"\nsolver_type: ADAM", "s.prototxt:2:1: type and the legacy solver_type are both set"},
};

INSTANTIATE_TEST_SUITE_P(Bad, NetText, testing::ValuesIn(kBadNets), name_of);
INSTANTIATE_TEST_SUITE_P(Bad, SolverText, testing::ValuesIn(kBadSolvers), name_of);

// Texts that Caffe's reader, which is protobuf's own, accepts, and texts that it refuses. crema's must do the same.
TEST(Prototxt, TakesWhatProtobufTakes) {
  const std::vector<std::string> taken = {
      "",
      "  \n# only a comment",
      "net: \"a\" 'b'\n\"c\"",
      "net: 'it\\'s \\x41\\101\\n'",
      "base_lr: 1",
      "base_lr: -1.5e-3f",
      "base_lr: inf gamma: -inf power: NaN",
      "base_lr: 1e50 gamma: 3.4028235e+38",
      "base_lr: 99999999999999999999",
      "base_lr: .5 gamma: 5.",
      "max_iter: 0x10 display: 010 random_seed: -9223372036854775808",
      "test_iter: [1, 2,3] test_iter: 4",
      "test_iter: []",
      "stepvalue: 1, stepvalue: 2; gamma: 1;",
      "debug_info: true snapshot_diff: f test_initialization: 0 snapshot_after_train: True",
      "solver_mode: 1 snapshot_format: HDF5",
      "net_param < name: 'x' >",
      "net_param: { name: 'x' }",
      "test_state { stage: 'a' } test_state: [{ stage: 'b' stage: 'c' }, < level: -3 >]",
      "net: \"\xFF\xC3\xA4\"",
      "net:'a'max_iter:3",
      "net: 'a'\r\nmax_iter: 3\r\n",
      "net : 'x'",
      "random_seed: 9223372036854775807"};
  const std::vector<std::string> refused = {"net: a",
                                            "net 'a'",
                                            "net: 'a",
                                            "max_iter: 1.0",
                                            "max_iter: --1",
                                            "max_iter: 2147483648",
                                            "debug_info: TRUE",
                                            "debug_info: -1",
                                            "base_lr: 0x10",
                                            "base_lr: 010",
                                            "base_lr: - ",
                                            "solver_mode: 9",
                                            "net_param { name: 'x' >",
                                            "net_param [ ]",
                                            "test_iter: [1 2]",
                                            "test_iter: [1,]",
                                            "test_iter: [",
                                            "max_iter: 3a",
                                            "max_iter:: 3",
                                            "a",
                                            "net: 'a' net: 'b'",
                                            "max_iter: 3;;",
                                            "}",
                                            "net_param { { } }",
                                            "train_state { stage: [ 'a' }",
                                            "solver_mode: -1",
                                            "base_lr: infinit",
                                            "net_param { layer { clip_param { } } }",
                                            "max_iter: 0x",
                                            "max_iter: 09"};
  struct Quiet final : google::protobuf::io::ErrorCollector {
    void AddError(int, int, const std::string&) override {}
  } quiet;
  TextFormat::Parser reference;
  reference.RecordErrorsTo(&quiet);
  for (const std::string& text : taken) {
    SolverParameter ours, theirs;
    ASSERT_TRUE(reference.ParseFromString(text, &theirs)) << text;
    ASSERT_NO_THROW(parse_prototxt(text, "", ours)) << text;
    EXPECT_EQ(ours.DebugString(), theirs.DebugString()) << text;
  }
  for (const std::string& text : refused) {
    SolverParameter ours, theirs;
    EXPECT_FALSE(reference.ParseFromString(text, &theirs)) << text;
    EXPECT_THROW(parse_prototxt(text, "", ours), Error) << text;
  }
}

// Finds all faults in one pass: refused fields are skipped, and a missing "}" is assumed to be there.
TEST(Prototxt, GoesOnAfterAFault) {
  const std::string text = R"(nam: "n"
layer {
  name: "a"
  type: ReLU
  bottom: [ "x", 3, "y" ]
  tops: { a: [ 1, <> ] b: "c" 'd' }
  relu_param { negative_slope: -half engine:
  }
  relu_param { }
layer { name "b" }
layer { name: "c" clip_param { } hole: - 1 top: "t" } }
state { level: 1 level: 2 }
name: "net" debug_info: true
"
)";
  NetParameter net;
  std::vector<TextFault> faults;
  const Source source = parse_prototxt(text, "f", net, {.faults = &faults});
  const std::vector<std::pair<std::string, int>> expected = {
      {"f:1:1: NetParameter has no field \"nam\"; did you mean \"name\"?", 0},
      {"f:4:9: field \"type\" takes a string in quotes, not \"ReLU\"", 2},
      {"f:5:18: field \"bottom\" takes a string in quotes, not \"3\"", 2},
      {"f:6:3: LayerParameter has no field \"tops\"; did you mean \"top\"?", 2},
      {"f:7:32: field \"negative_slope\" takes a number, not \"-half\"", 2},
      {"f:8:3: field \"engine\" takes DEFAULT, CAFFE or CUDNN, not \"}\"", 2},
      {"f:9:3: field \"relu_param\" is given twice; the first is in line 7", 2},
      {"f:2:1: layer \"a\" is not closed: a \"}\" is missing before line 10", 2},
      {"f:10:14: expected \":\" after \"name\", found \"b\"", 10},
      {"f:11:19: clip_param lacks the field \"min\", which it must have", 11},
      {"f:11:19: clip_param lacks the field \"max\", which it must have", 11},
      {"f:11:34: LayerParameter has no field \"hole\"", 11},
      {"f:11:55: this \"}\" closes nothing: layer \"c\" of line 11 is closed in line 11", 0},
      {"f:12:18: field \"level\" is given twice; the first is in line 12", 0},
      {"f:14:2: string literals cannot cross line boundaries", 0}};
  ASSERT_EQ(faults.size(), expected.size());
  for (size_t i = 0; i < faults.size(); ++i) {
    EXPECT_EQ(faults[i].message, expected[i].first);
    EXPECT_EQ(faults[i].layer.line, expected[i].second) << faults[i].message;
  }
  EXPECT_EQ(net.name(), "net");
  EXPECT_EQ(net.layer_size(), 3);
  EXPECT_EQ(net.layer(0).bottom_size(), 2);
  EXPECT_EQ(net.layer(2).top(0), "t");
}

// The end is reported where the unknown value begins, or as the end of the layer around it.
TEST(Prototxt, EndsWithinAnUnknownValue) {
  const auto last = [](const std::string& text) {
    NetParameter net;
    std::vector<TextFault> faults;
    parse_prototxt(text, "f", net, {.faults = &faults});
    return faults.back().message;
  };
  EXPECT_EQ(last("foo {\n bar: 1\n"), "f:1:5: \"{\" is not closed: the file ends within it");
  EXPECT_EQ(last("a: 1\nfoo: [1, 2"), "f:2:6: \"[\" is not closed: the file ends within it");
  EXPECT_EQ(last("layer { name: 'a' foo { x: 2"), "f:1:1: layer \"a\" is not closed: the file ends within it");
}

TEST(Prototxt, StopsAtVeryManyFaults) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "x: 1\n";
  NetParameter net;
  std::vector<TextFault> faults;
  parse_prototxt(text, "f", net, {.faults = &faults});
  EXPECT_EQ(faults.size(), 1001u);
  EXPECT_EQ(faults.back().message, "f: there are more faults");
}

TEST(Prototxt, LayersOfOtherForksAreSkipped) {
  const NetConfig net =
      parse_net("layer { name: 'r' type: 'ROIPooling'\n roi_pooling_param { a: { b: 1 } c: [2] } }", "f");
  EXPECT_EQ(message_of([&] {
              check_layer_types(net, {{"ReLU", {}}});
            }),
            "f:1:19: layer \"r\" has unknown type \"ROIPooling\"");
  EXPECT_EQ(message_of([&] {
              check_layer_types(net, {{"ROIPooling", {}}});
            }),
            "f:2:2: layer \"r\" (ROIPooling): LayerParameter has no field \"roi_pooling_param\"; did you mean "
            "\"pooling_param\"?");
  EXPECT_THROW(parse_net("layer { roi_pooling_params { } }", "f"), Error);
}

// A hint for a field that exists would never be shown, and neither would one for a message that does not exist.
TEST(Prototxt, ForksFieldsAreNone) {
  for (const ForkField& known : fork_fields()) {
    const auto* type = SolverParameter::descriptor()->file()->FindMessageTypeByName(known.message);
    ASSERT_NE(type, nullptr) << known.message;
    EXPECT_EQ(type->FindFieldByName(known.field), nullptr) << known.message << " " << known.field;
  }
}

TEST(Prototxt, TakesAByteOrderMark) {
  NetParameter net;
  const Source source = parse_prototxt("\xEF\xBB\xBFname: 'x'", "", net);
  EXPECT_EQ(net.name(), "x");
  EXPECT_EQ(source.find("name").column, 1);
}

// Parsing descends once per nested message, so a message that can hold itself would let a text choose the depth.
TEST(Prototxt, NoMessageHoldsItself) {
  using google::protobuf::Descriptor;
  const std::function<bool(const Descriptor*, std::set<const Descriptor*>)> holds_itself =
      [&](const Descriptor* type, std::set<const Descriptor*> outer) {
        if (!outer.insert(type).second) return true;
        for (int i = 0; i < type->field_count(); ++i) {
          if (type->field(i)->message_type() && holds_itself(type->field(i)->message_type(), outer)) return true;
        }
        return false;
      };
  const auto* file = SolverParameter::descriptor()->file();
  for (int i = 0; i < file->message_type_count(); ++i) {
    EXPECT_FALSE(holds_itself(file->message_type(i), {})) << file->message_type(i)->name();
  }
}

TEST(Prototxt, NotesWhereFieldsStand) {
  NetParameter net;
  const Source source = parse_prototxt(
      "name: \"n\"\n"
      "layer {\n"
      "  bottom: \"a\"\n"
      "  bottom: \"b\" bottom: [\"c\",\n"
      "    \"d\"]\n"
      "}\n"
      "layer { param { lr_mult: 1 } param { lr_mult: 2 } }\n",
      "f.prototxt", net);
  const std::vector<std::pair<const char*, const char*>> rows = {
      {"name", "f.prototxt:1:1"},
      {"layer", "f.prototxt:2:1"},
      {"layer[0]", "f.prototxt:2:1"},
      {"layer.bottom", "f.prototxt:3:3"},
      {"layer[0].bottom[0]", "f.prototxt:3:3"},
      {"layer.bottom[1]", "f.prototxt:4:3"},
      {"layer.bottom[2]", "f.prototxt:4:24"},
      {"layer.bottom[3]", "f.prototxt:5:5"},
      {"layer.bottom[9]", "f.prototxt:3:3"},  // does not exist: the position of the nearest field that does
      {"layer.type", "f.prototxt:2:1"},
      {"layer[1]", "f.prototxt:7:1"},
      {"layer[1].param[0].lr_mult", "f.prototxt:7:17"},
      {"layer[1].param[1].lr_mult", "f.prototxt:7:38"},
      {"layer[1].param[1].decay_mult", "f.prototxt:7:30"},
      {"state", "f.prototxt"}};
  for (const auto& [path, place] : rows) EXPECT_EQ(source.at(path), place) << path;
  EXPECT_EQ(source.line_of("layer[1].param"), "f.prototxt:7");
}

TEST(Prototxt, KeepsThePositionsOfTheFirstHundredNumbers) {
  SolverParameter solver;
  std::string text;
  for (int i = 0; i < 300; ++i) text += "stepvalue: 1\ntest_net: 'a'\n";
  const Source source = parse_prototxt(text, "", solver);
  EXPECT_EQ(solver.stepvalue_size(), 300);
  EXPECT_EQ(source.find("stepvalue[99]").line, 199);
  EXPECT_EQ(source.find("stepvalue[100]").line, 1);
  EXPECT_EQ(source.find("test_net[299]").line, 600);
}

TEST(Prototxt, FilesThatCannotBeRead) {
  const std::filesystem::path folder = testing::TempDir() + fmt::format("crema_prototxt_test_{}", ::getpid());
  std::filesystem::create_directories(folder);
  const std::string missing = folder / "none.prototxt", empty = folder / "empty.prototxt";
  write_file(empty, "");
  EXPECT_EQ(message_of([&] { read_net(missing); }), missing + ": cannot open: No such file or directory");
  EXPECT_EQ(message_of([&] { read_solver(folder); }), folder.string() + ": is a folder, not a file");
  EXPECT_EQ(read_net(empty).net.layer_size(), 0);
  EXPECT_EQ(message_of([] { parse_net(std::string(kLongestText + 1, ' '), "big"); }),
            "big: longer than the 67108864 bytes of text that are read at most");
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace crema
