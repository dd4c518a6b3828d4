//! A model's named parameters and their gradients.
//!
//! In bf16 a matrix is kept twice while training: the f32 master that the optimizer moves, and the bf16 copy that the
//! forward reads. For inference the master is dropped, and matrices may be packed once for the decoding kernels.
//!
//! Where only an adapter is trained ([`Training::Adapter`]), all other parameters are frozen: no master, no gradient, no
//! moments.

use crate::tensor::by_dtype;
use crate::{DType, Device, Precision, Tensor};
use kernels::gemm::{Compute, PackedWeight};

/// Which parameter; an index into [`Params`] and [`Gradients`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ParamId(pub(crate) usize);

/// What a parameter is used for, which decides its storage and whether weight decay applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A matrix (or stack of matrices, or embedding) in the model's precision, with weight decay.
    Matrix,
    /// A matrix kept in f32 whatever the precision: the router's gate (V3 report, section 3.3.1).
    MatrixF32,
    /// A norm's gain or a bias: f32, no weight decay.
    Vector,
    /// Not trained by gradient: the router's correction bias.
    Buffer,
    /// A matrix of an adapter (LoRA): as [`Role::Matrix`], but trained where that is frozen, and stored apart.
    Adapter,
}

/// Which parameters are trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Training {
    /// None.
    Off,
    /// All.
    Full,
    /// Those of the adapter alone.
    Adapter,
}

impl Training {
    /// Whether a parameter of that role is trained by gradient.
    fn moves(self, role: Role) -> bool {
        match self {
            Training::Off => false,
            Training::Full => role != Role::Buffer,
            Training::Adapter => role == Role::Adapter,
        }
    }
}

struct Param {
    name: String,
    role: Role,
    /// Whether it has a gradient.
    is_trained: bool,
    /// What the forward reads.
    value: Tensor,
    /// What the optimizer moves, where that is another tensor than `value`.
    master: Option<Tensor>,
    packed: Option<PackedWeight>,
}

/// The parameters of one model on one device.
pub struct Params {
    device: Device,
    precision: Precision,
    training: Training,
    entries: Vec<Param>,
}

impl Params {
    /// An empty set. Matrices that are trained in bf16 keep an f32 master.
    pub fn new(device: &Device, precision: Precision, training: Training) -> Params {
        Params { device: device.clone(), precision, training, entries: Vec::new() }
    }

    /// Adds a parameter of zeros.
    pub fn add(&mut self, name: impl Into<String>, role: Role, shape: &[usize]) -> ParamId {
        let is_matrix = matches!(role, Role::Matrix | Role::Adapter);
        let dtype = if is_matrix { self.precision.dtype() } else { DType::F32 };
        let value = Tensor::zeros(&self.device, dtype, shape);
        let is_trained = self.training.moves(role);
        let needs_master = is_trained && dtype != DType::F32;
        let master = needs_master.then(|| Tensor::zeros(&self.device, DType::F32, shape));
        self.entries.push(Param { name: name.into(), role, is_trained, value, master, packed: None });
        ParamId(self.entries.len() - 1)
    }

    /// All ids in order of addition.
    pub fn ids(&self) -> impl Iterator<Item = ParamId> + use<> {
        (0..self.entries.len()).map(ParamId)
    }

    /// How many parameters there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The number of values in all of them.
    pub fn n_values(&self) -> usize {
        self.entries.iter().map(|p| p.value.len()).sum()
    }

    /// The parameter's name: Hugging Face's, except that a layer's experts are stacked in one tensor.
    pub fn name(&self, id: ParamId) -> &str {
        &self.entries[id.0].name
    }

    /// The parameter of that name.
    pub fn find(&self, name: &str) -> Option<ParamId> {
        self.entries.iter().position(|p| p.name == name).map(ParamId)
    }

    /// The parameter's role.
    pub fn role(&self, id: ParamId) -> Role {
        self.entries[id.0].role
    }

    /// Whether the parameter is trained by gradient; if not, it has none.
    pub fn is_trained(&self, id: ParamId) -> bool {
        self.entries[id.0].is_trained
    }

    /// What the forward reads.
    pub fn value(&self, id: ParamId) -> &Tensor {
        &self.entries[id.0].value
    }

    /// The f32 values that the optimizer moves; for inference, or in f32, the same as [`Params::value`].
    pub fn master(&self, id: ParamId) -> &Tensor {
        let param = &self.entries[id.0];
        param.master.as_ref().unwrap_or(&param.value)
    }

    /// The weight packed for decoding, see [`Params::pack`].
    pub(crate) fn packed(&self, id: ParamId) -> Option<&PackedWeight> {
        self.entries[id.0].packed.as_ref()
    }

    /// The device of all parameters.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The type of matrices and activations.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// How matrix products compute in this precision.
    pub(crate) fn compute(&self) -> Compute {
        match self.precision {
            Precision::F32 => Compute::F32,
            Precision::Bf16 => Compute::Bf16,
        }
    }

    /// Replaces a parameter's values (row-major, of its shape).
    pub fn set(&mut self, id: ParamId, values: &[f32]) {
        self.write(id, |master| {
            assert_eq!(master.len(), values.len(), "values for a parameter");
            master.copy_from_slice(values);
        });
    }

    /// Changes a parameter through its f32 values, then refreshes what the forward reads.
    pub fn write(&mut self, id: ParamId, change: impl FnOnce(&mut [f32])) {
        if self.device.is_meta() {
            return;
        }
        let param = &mut self.entries[id.0];
        param.packed = None;
        match (&mut param.master, param.value.dtype()) {
            (None, DType::F32) => change(param.value.slice_mut()),
            (None, DType::Bf16) => {
                let mut wide = param.value.to_dtype(DType::F32);
                change(wide.slice_mut());
                kernels::elementwise::cast::<f32, kernels::bf16>(wide.slice(), param.value.slice_mut());
            }
            (Some(master), _) => {
                change(master.slice_mut());
                kernels::elementwise::cast::<f32, kernels::bf16>(master.slice(), param.value.slice_mut());
            }
        }
    }

    /// Zeros in f32 of a trained parameter's shape, and an empty tensor for one that is not: a gradient, a moment.
    pub(crate) fn zeros_if_trained(&self, id: ParamId) -> Tensor {
        let param = &self.entries[id.0];
        let shape = if param.is_trained { param.value.shape() } else { &[0] };
        Tensor::zeros(&self.device, DType::F32, shape)
    }

    /// Packs the named matrices for products with few rows (decoding). Same bits, no work at each call.
    pub fn pack(&mut self, ids: &[ParamId]) {
        let compute = self.compute();
        for id in ids {
            let param = &mut self.entries[id.0];
            let (n, k) = (param.value.n_rows(), param.value.n_cols());
            if param.packed.is_none() && !self.device.is_meta() {
                let packed =
                    by_dtype!(param.value.dtype(), T => PackedWeight::new::<T>(compute, n, k, param.value.slice()));
                param.packed = Some(packed);
            }
        }
    }

    /// Frees what [`Params::pack`] made of parameters that are trained: the next update makes it stale, and until then
    /// its memory serves activations.
    pub fn unpack_trained(&mut self) {
        self.entries.iter_mut().filter(|param| param.is_trained).for_each(|param| param.packed = None);
    }
}

/// A gradient in f32 for each parameter that is trained, zero at first.
pub struct Gradients {
    /// Empty tensors for parameters that are not.
    tensors: Vec<Tensor>,
}

impl Gradients {
    /// Zeros of the parameters' shapes.
    pub fn new(params: &Params) -> Gradients {
        Gradients { tensors: params.ids().map(|id| params.zeros_if_trained(id)).collect() }
    }

    /// One parameter's gradient; empty where it is not trained.
    pub fn get(&self, id: ParamId) -> &Tensor {
        &self.tensors[id.0]
    }

    /// One parameter's gradient, to be added to; `None` where it is not trained.
    pub fn get_mut(&mut self, id: ParamId) -> Option<&mut Tensor> {
        Some(&mut self.tensors[id.0]).filter(|grad| !grad.is_empty())
    }

    /// Sets all to zero.
    pub fn clear(&mut self) {
        self.tensors.iter_mut().for_each(Tensor::fill_zero);
    }

    /// The Euclidean norm over all parameters, summed in a fixed order.
    pub fn norm(&self) -> f64 {
        let squares = |t: &Tensor| if t.is_meta() { 0.0 } else { kernels::optim::sum_squares(t.slice()) };
        self.tensors.iter().map(squares).sum::<f64>().sqrt()
    }
}
