// Which layers take part, which files are meant, which types exist, and what a solver's file becomes.
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/file.h"
#include "config/check.h"
#include "config/files.h"
#include "config/net_config.h"
#include "config/prototxt.h"
#include "config/suggest.h"
#include "support/messages.h"

namespace crema {
namespace {

namespace fs = std::filesystem;

NetState state_of(const std::string& text) {
  NetState state;
  parse_prototxt(text, "state", state);
  return state;
}

std::string names_of(const NetConfig& config) {
  std::string names;
  for (const LayerParameter& layer : config.net.layer()) names += layer.name();
  return names;
}

TEST(StateFilter, Rules) {
  struct Row {
    const char *rule, *state;
    bool holds;
  };
  const std::vector<Row> rows = {
      {"", "", true},
      {"phase: TEST", "", true},  // a state's default
      {"phase: TRAIN", "", false},
      {"phase: TRAIN", "phase: TRAIN", true},
      {"phase: TEST", "phase: TRAIN", false},
      {"min_level: 2", "level: 1", false},
      {"min_level: 2", "level: 2", true},
      {"min_level: 2", "level: 3", true},
      {"min_level: 1", "", false},
      {"max_level: 2", "level: 2", true},
      {"max_level: 2", "level: 3", false},
      {"max_level: -1", "", false},
      {"min_level: 1 max_level: 3", "level: 2", true},
      {"stage: 'a'", "stage: 'a'", true},
      {"stage: 'a'", "stage: 'b' stage: 'a'", true},
      {"stage: 'a'", "", false},
      {"stage: 'a' stage: 'b'", "stage: 'a'", false},
      {"stage: 'a' stage: 'b'", "stage: 'b' stage: 'a' stage: 'c'", true},
      {"not_stage: 'a'", "", true},
      {"not_stage: 'a'", "stage: 'a'", false},
      {"not_stage: 'a' not_stage: 'b'", "stage: 'b'", false},
      {"not_stage: 'a'", "stage: 'b'", true},
      {"stage: 'a' not_stage: 'b'", "stage: 'a' stage: 'b'", false},
      {"phase: TRAIN stage: 'a'", "phase: TRAIN", false},
      {"phase: TRAIN min_level: 1 stage: 'a'", "phase: TRAIN level: 1 stage: 'a'", true},
  };
  for (const Row& row : rows) {
    NetStateRule rule;
    parse_prototxt(row.rule, "rule", rule);
    EXPECT_EQ(holds(rule, state_of(row.state)), row.holds) << row.rule << " | " << row.state;
  }
}

TEST(StateFilter, Layers) {
  const NetConfig net = parse_net(
      "name: 'n'\n"
      "layer { name: 'a' }\n"
      "layer { name: 'b' include { phase: TRAIN } }\n"
      "layer { name: 'c' include { phase: TEST } include { stage: 's' } }\n"
      "layer { name: 'd' exclude { phase: TRAIN } exclude { stage: 's' } }\n"
      "layer { name: 'e' exclude { min_level: 3 } }\n",
      "n.prototxt");
  const std::vector<std::pair<const char*, const char*>> rows = {{"phase: TRAIN", "abe"},
                                                                 {"phase: TEST", "acde"},
                                                                 {"phase: TRAIN stage: 's'", "abce"},
                                                                 {"phase: TEST stage: 's'", "ace"},
                                                                 {"phase: TEST level: 3", "acd"}};
  for (const auto& [state, names] : rows) {
    const NetConfig filtered = filter(net, state_of(state));
    EXPECT_EQ(names_of(filtered), names) << state;
    EXPECT_EQ(filtered.net.state().SerializeAsString(), state_of(state).SerializeAsString());
    EXPECT_EQ(filtered.net.name(), "n");
    ASSERT_EQ(filtered.layers.size(), static_cast<size_t>(filtered.net.layer_size()));
    EXPECT_EQ(filtered.layers.back().position.line, names_of(filtered).back() == 'd' ? 5 : 6) << state;
    EXPECT_EQ(filtered.layers.back().at("exclude"),
              names_of(filtered).back() == 'd' ? "n.prototxt:5:19" : "n.prototxt:6:19");
  }
}

TEST(StateFilter, BothKindsOfRulesAreRefused) {
  const NetConfig net = parse_net("layer { name: 'a'\n include { }\n exclude { } }", "n.prototxt");
  EXPECT_EQ(message_of([&] { filter(net, {}); }), "n.prototxt:3:2: layer \"a\" has both include and exclude rules");
}

const std::map<std::string, std::vector<std::string>> kTypes = {
    {"Convolution", {"convolution_param"}}, {"Data", {"data_param", "transform_param"}}, {"ReLU", {"relu_param"}}};

TEST(LayerTypes, UnknownTypes) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"layer {\n  name: 'x' type: 'Convolutoin' }",
       "f:2:13: layer \"x\" has unknown type \"Convolutoin\"; did you mean \"Convolution\"?"},
      {"layer { name: 'x' type: 'Relu' }", "f:1:19: layer \"x\" has unknown type \"Relu\"; did you mean \"ReLU\"?"},
      {"layer { name: 'x' type: 'LSTM' }", "f:1:19: layer \"x\" has unknown type \"LSTM\""},
      {"layer { type: 'ReLU' }\nlayer { name: 'x' }", "f:2: layer \"x\" has no type"},
      {"layers { name: 'x' type: NONE }", "f:1: layer \"x\" has no type"},
      {"layer { name: 'x' type: 'a\\nb' }", "f:1:19: layer \"x\" has unknown type \"a\\x0Ab\""},
      {"layer { name: 'x' type: 'Python' python_param { module: 'm' layer: 'L' } }",
       "f:1:19: layer \"x\" is written in Python (module \"m\", class \"L\") and cannot run here"}};
  for (const auto& row : rows) {
    EXPECT_EQ(message_of([&] { check_layer_types(parse_net(row.first, "f"), kTypes); }), row.second);
  }
  NetParameter built;
  built.add_layer()->set_type("LSTM");
  EXPECT_EQ(message_of([&] { check_layer_types(wrap(built), kTypes); }),
            "(no file): layer \"\" has unknown type \"LSTM\"");
}

TEST(StateFilter, WishesThatNoRuleNamesAreRefused) {
  const NetConfig net = parse_net(
      "layer { name: 'a' include { stage: 'small' } }\nlayer { name: 'b' exclude { not_stage: 'deep' min_level: 2 } }",
      "n");
  EXPECT_EQ(message_of([&] { check_stage(net, "small", "--stage small"); }), "no error");
  EXPECT_EQ(message_of([&] { check_stage(net, "deep", "--stage deep"); }), "no error");
  EXPECT_EQ(message_of([&] { check_stage(net, "smal", "--stage smal"); }),
            "--stage smal: no layer of n has a rule that names stage \"smal\"; did you mean \"small\"?");
  EXPECT_EQ(message_of([&] { check_level(net, "--level 3"); }), "no error");
  const NetConfig plain = parse_net("layer { name: 'a' include { phase: TEST } }", "n");
  EXPECT_EQ(message_of([&] { check_stage(plain, "x", "--stage x"); }),
            "--stage x: no layer of n has a rule that names stage \"x\"");
  EXPECT_EQ(message_of([&] { check_level(plain, "--level 3"); }),
            "--level 3: no layer of n has a rule with min_level or max_level");
}

// A rule and a state that name very many stages are compared at once.
TEST(StateFilter, TakesManyStages) {
  NetParameter net;
  NetStateRule* rule = net.add_layer()->add_include();
  NetState state;
  for (int i = 0; i < 100000; ++i) {
    rule->add_stage(std::to_string(i));
    state.add_stage(std::to_string(99999 - i));
  }
  EXPECT_EQ(filter(wrap(net), state).net.layer_size(), 1);
}

TEST(LayerTypes, WarnsOfUnusedParams) {
  const NetConfig net = parse_net(
      "layer { name: 'conv1' type: 'Convolution' convolution_param { }\n"
      "  pooling_param { }\n"
      "  transform_param { } }\n"
      "layer { name: 'd' type: 'Data' data_param { } transform_param { } }\n",
      "f");
  EXPECT_EQ(log_of([&] { check_layer_types(net, kTypes); }),
            "f:3: layer \"conv1\" (Convolution): transform_param is not used by this type\n"
            "f:2: layer \"conv1\" (Convolution): pooling_param is not used by this type\n");
}

// The working directory is a temporary folder with files whose contents say where they are.
class ConfigFiles : public testing::Test {
 protected:
  ConfigFiles()
      : before_(fs::current_path()),
        root_(fs::path(testing::TempDir()) / fmt::format("crema_config_test_{}", ::getpid())) {
    fs::remove_all(root_);
    fs::create_directories(root_ / "here");
    fs::create_directories(root_ / "model");
    root_ = fs::canonical(root_);
    fs::current_path(root_ / "here");
    write_file("both", "here");
    for (const char* name : {"both", "beside", "w1", "w2"}) write_file(root_ / "model" / name, "beside");
  }
  ~ConfigFiles() override {
    fs::current_path(before_);
    fs::remove_all(root_);
  }

  fs::path before_, root_;
};

TEST_F(ConfigFiles, AreLookedForHereThenBesideTheText) {
  NetConfig net = parse_net(
      "layer { name: 'a' data_param { source: 'both' } transform_param { mean_file: 'beside' } }\n"
      "layer { name: 'b' image_data_param { source: 'both' root_folder: 'nowhere' } }\n"
      "layer { name: 'c' hdf5_output_param { file_name: 'not yet' } }\n",
      "../model/net.prototxt");
  resolve_files(net);
  EXPECT_EQ(net.net.layer(0).data_param().source(), "both");
  EXPECT_EQ(read_file(net.net.layer(0).data_param().source()), "here");
  EXPECT_EQ(net.net.layer(0).transform_param().mean_file(), "../model/beside");
  EXPECT_EQ(net.net.layer(1).image_data_param().source(), "both");
  EXPECT_EQ(net.net.layer(1).image_data_param().root_folder(), "nowhere");
}

TEST_F(ConfigFiles, OfTheBackendIdxMayBePacked) {
  write_file(root_ / "model" / "x-images-idx3-ubyte.gz", "");
  write_file(root_ / "model" / "y-images-idx3-ubyte", "");
  NetConfig net = parse_net(
      "layer { name: 'a' data_param { backend: IDX source: 'x-images-idx3-ubyte' } }\n"
      "layer { name: 'b' data_param { backend: IDX source: 'y-images-idx3-ubyte.gz' } }\n",
      "../model/net.prototxt");
  resolve_files(net);
  EXPECT_EQ(net.net.layer(0).data_param().source(), "../model/x-images-idx3-ubyte.gz");
  EXPECT_EQ(net.net.layer(1).data_param().source(), "../model/y-images-idx3-ubyte");
}

TEST_F(ConfigFiles, AreWrittenThroughLinksAndNotOverDevices) {
  fs::create_symlink("both", "link");
  write_file("link", "new");
  EXPECT_TRUE(fs::is_symlink("link"));
  EXPECT_EQ(read_file("both"), "new");
  fs::create_symlink("absent", "dangling");
  write_file("dangling", "new");
  EXPECT_EQ(read_file("absent"), "new");
  ASSERT_EQ(::mkfifo("pipe", 0600), 0);
  EXPECT_EQ(message_of([] { write_file("pipe", "x"); }), "pipe: cannot write: it is no regular file");
  EXPECT_TRUE(fs::is_fifo("pipe"));
  EXPECT_EQ(message_of([] { write_file("..", "x"); }), "..: cannot write: it is a folder");
}

TEST_F(ConfigFiles, MissingOnesAreNamedWithBothPlaces) {
  NetConfig net = parse_net("layer {\n data_param { source: 'none' } }", "../model/net.prototxt");
  EXPECT_EQ(message_of([&] { resolve_files(net); }),
            "../model/net.prototxt:2:15: data_param.source \"none\" is neither in the working directory (" +
                (root_ / "here").string() + ") nor beside ../model/net.prototxt (../model/none)");
  net = parse_net("layer {\n data_param { source: '/none' } }", "../model/net.prototxt");
  EXPECT_EQ(message_of([&] { resolve_files(net); }),
            "../model/net.prototxt:2:15: data_param.source \"/none\" does not exist");
  net = parse_net("layer { data_param { source: '' } }", "net.prototxt");
  EXPECT_EQ(message_of([&] { resolve_files(net); }), "net.prototxt:1:22: data_param.source has an empty name");
}

TEST_F(ConfigFiles, OfASolver) {
  SolverConfig config = parse_solver(
      "net: 'beside' weights: 'w1,both'\nweights: 'w2'\n"
      "net_param { layer { data_param { source: 'none' } } } snapshot_prefix: 'not yet'",
      "../model/s.prototxt");
  EXPECT_EQ(config.source.at("weights[1]"), "../model/s.prototxt:1:15");
  EXPECT_EQ(config.source.at("weights[2]"), "../model/s.prototxt:2:1");
  resolve_files(config.solver, config.source);
  EXPECT_EQ(config.solver.net(), "../model/beside");
  ASSERT_EQ(config.solver.weights_size(), 3);
  EXPECT_EQ(config.solver.weights(0), "../model/w1");
  EXPECT_EQ(config.solver.weights(1), "both");
  EXPECT_EQ(config.solver.weights(2), "../model/w2");
  config = parse_solver("test_net: 'both'\ntest_net: 'none'", "../model/s.prototxt");
  EXPECT_EQ(message_of([&] { resolve_files(config.solver, config.source); }),
            "../model/s.prototxt:2:1: test_net[1] \"none\" is neither in the working directory (" +
                (root_ / "here").string() + ") nor beside ../model/s.prototxt (../model/none), nor in a folder above");
  config = parse_solver("net: ''", "s.prototxt");
  EXPECT_EQ(message_of([&] { resolve_files(config.solver, config.source); }), "s.prototxt:1:1: net has an empty name");
  config = parse_solver("net: '/none'", "s.prototxt");
  EXPECT_EQ(message_of([&] { resolve_files(config.solver, config.source); }),
            "s.prototxt:1:1: net \"/none\" does not exist");
}

// Paths as written by people who start trainings in the folder above.
TEST_F(ConfigFiles, NetsOfSolversAreLookedForInFoldersAboveToo) {
  fs::create_directories(root_ / "model" / "mnist" / "deep");
  write_file(root_ / "model" / "mnist" / "net", "x");
  SolverConfig config = parse_solver("net: 'mnist/net' weights: 'w1'", "../model/mnist/deep/s.prototxt");
  config.solver.clear_weights();
  resolve_files(config.solver, config.source);
  EXPECT_EQ(config.solver.net(), (root_ / "model" / "mnist" / "net").string());
  config = parse_solver("train_net: 'model/mnist/net'", "s.prototxt");
  resolve_files(config.solver, config.source);
  EXPECT_EQ(config.solver.train_net(), (root_ / "model" / "mnist" / "net").string());
  config = parse_solver("weights: 'mnist/net'", "../model/mnist/deep/s.prototxt");
  EXPECT_THROW(resolve_files(config.solver, config.source), Error);
}

TEST(StateFilter, AddsToTheStateThatTheNetGives) {
  const NetConfig net = parse_net(
      "state { phase: TRAIN level: 2 stage: 'small' }\n"
      "layer { name: 'a' top: 'x' include { stage: 'small' min_level: 2 } }\n"
      "layer { name: 'b' top: 'y' include { stage: 'small' stage: 'deep' } }\n"
      "layer { name: 'c' top: 'z' include { phase: TEST } }\n",
      "net.prototxt");
  NetState state;
  EXPECT_EQ(filter(net, state).net.layer_size(), 1);
  state.add_stage("deep");
  state.set_phase(TEST);
  const NetConfig all = filter(net, state);
  EXPECT_EQ(all.net.layer_size(), 3);
  EXPECT_EQ(all.net.state().phase(), TEST);
  EXPECT_EQ(all.net.state().level(), 2);
}

TEST(SolverFile, LegacyType) {
  const std::vector<std::pair<const char*, const char*>> rows = {{"SGD", "SGD"},           {"NESTEROV", "Nesterov"},
                                                                 {"ADAGRAD", "AdaGrad"},   {"RMSPROP", "RMSProp"},
                                                                 {"ADADELTA", "AdaDelta"}, {"ADAM", "Adam"}};
  for (const auto& [old, type] : rows) {
    const SolverConfig config = parse_solver(fmt::format("base_lr: 1\n solver_type: {}", old), "s");
    EXPECT_EQ(config.solver.type(), type);
    EXPECT_FALSE(config.solver.has_solver_type());
    EXPECT_EQ(config.source.at("type"), "s:2:2");
  }
  EXPECT_FALSE(parse_solver("base_lr: 1", "s").solver.has_type());
}

TEST(SolverFile, NetsInsideKeepTheirPlaces) {
  SolverConfig config = parse_solver("base_lr: 1\ntest_net_param { }\ntest_net_param {\n layer { name: 'a' }\n}", "s");
  const NetConfig net = upgrade(config.solver.test_net_param(1), config.source.take("test_net_param[1]"));
  EXPECT_EQ(net.source.at(), "s:3");
  EXPECT_EQ(net.layers.at(0).at("name"), "s:4:10");
}

TEST(SolverFile, IsReadFromAFile) {
  const std::string path = testing::TempDir() + fmt::format("crema_solver_test_{}.prototxt", ::getpid());
  write_file(path, "type: 'Adam'\nbase_lr: 0.5");
  const SolverConfig config = read_solver(path);
  EXPECT_EQ(config.solver.base_lr(), 0.5f);
  EXPECT_EQ(config.source.at("base_lr"), path + ":2:1");
  fs::remove(path);
}

TEST(Suggest, NearestName) {
  const std::vector<std::string> names = {"base_lr", "max_iter", "momentum", "momentum2", "type", "net"};
  const std::vector<std::pair<const char*, const char*>> rows = {{"base_lr", "base_lr"},
                                                                 {"base_Ir", "base_lr"},
                                                                 {"BASE_LR", "base_lr"},
                                                                 {"bsae_lr", "base_lr"},
                                                                 {"maxiter", "max_iter"},
                                                                 {"max_iters", "max_iter"},
                                                                 {"momentun", "momentum"},
                                                                 {"momentum3", "momentum"},
                                                                 {"tpye", "type"},
                                                                 {"nit", "net"},
                                                                 {"noo", ""},
                                                                 {"", ""},
                                                                 {"learning_rate", ""},
                                                                 {"x", ""}};
  for (const auto& [name, near] : rows) EXPECT_EQ(nearest(name, names), near) << name;
  EXPECT_EQ(nearest("a", {}), "");
  EXPECT_EQ(nearest(std::string(10'000'000, 'a'), names), "");
  // Long names of one length, and very many short ones, take no longer.
  EXPECT_EQ(nearest(std::string(1'000'000, 'a'), std::vector<std::string>(100, std::string(1'000'000, 'b'))), "");
  EXPECT_EQ(nearest("net", std::vector<std::string>(1'000'000, "nit")), "");
  EXPECT_TRUE(choices("x", std::vector<std::string>(200, "name")).ends_with(", name and 100 more"));
}

}  // namespace
}  // namespace crema
