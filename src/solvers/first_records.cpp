#include "solvers/first_records.h"

#include <algorithm>

#include "base/error.h"
#include "core/graph.h"

namespace crema {
namespace {

template <typename Param>
void limit(uint64_t records, Param* param) {
  param->set_first_records(records);
  param->set_shuffle(false);
  param->set_batch_size(static_cast<uint32_t>(std::min<uint64_t>(param->batch_size(), records)));
}

}  // namespace

void take_first_records(uint64_t records, SolverNets* nets) {
  nets->tests.clear();
  for (int i = 0; i < nets->train.net.layer_size(); ++i) {
    LayerParameter& layer = *nets->train.net.mutable_layer(i);
    if (layer.type() == "Dropout") layer.mutable_dropout_param()->set_dropout_ratio(0);
    if (layer.bottom_size() > 0 || layer.type() == "Input") continue;
    if (layer.type() == "Data") {
      limit(records, layer.mutable_data_param());
      layer.mutable_data_param()->clear_rand_skip();
      if (layer.has_transform_param()) layer.mutable_transform_param()->clear_mirror();
    } else if (layer.type() == "HDF5Data") {
      limit(records, layer.mutable_hdf5_data_param());
    } else {
      throw Error("{}has no records of which the first {} could be taken; this works with Data and HDF5Data",
                  where(nets->train, i), records);
    }
  }
}

void drop_regularization(SolverParameter* solver) {
  solver->clear_weight_decay();
  solver->clear_monitor();
  solver->clear_early_stop();
  solver->clear_keep_best();
  if (solver->lr_policy() != "plateau") return;
  solver->set_lr_policy("fixed");
  solver->clear_patience();
  solver->clear_min_lr();
}

}  // namespace crema
