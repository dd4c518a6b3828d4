//! Between our parameters and the tensors of a checkpoint file: names are Hugging Face's on both sides, but a layer's
//! routed experts are one stacked parameter here and a tensor for each expert there.

use tensor::{ParamId, Params, Role};

/// A stored tensor that a parameter consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorPart {
    /// Its name in the file.
    pub name: String,
    /// Its shape in the file.
    pub shape: Vec<usize>,
    /// Its first value in the parameter.
    pub offset: usize,
}

/// The stored tensors of one parameter, in order, without gaps.
pub fn tensor_parts(params: &Params, id: ParamId) -> Vec<TensorPart> {
    let (name, shape) = (params.name(id), params.value(id).shape());
    match (name.split_once(".experts."), shape) {
        (Some((layer, rest)), &[n_experts, rows, cols]) => (0..n_experts)
            .map(|e| TensorPart {
                name: format!("{layer}.experts.{e}.{rest}"),
                shape: vec![rows, cols],
                offset: e * rows * cols,
            })
            .collect(),
        _ => vec![TensorPart { name: name.to_owned(), shape: shape.to_vec(), offset: 0 }],
    }
}

/// All stored tensors of a model with the parameter that each belongs to. An adapter is stored apart.
pub fn all_tensor_parts(params: &Params) -> Vec<(ParamId, TensorPart)> {
    let own = params.ids().filter(|id| params.role(*id) != Role::Adapter);
    own.flat_map(|id| tensor_parts(params, id).into_iter().map(move |part| (id, part))).collect()
}
