//! A contiguous, reference-counted buffer with a shape.

use crate::Device;
use kernels::{Element, bf16};
use std::sync::Arc;

/// The storage type of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DType {
    /// 32-bit floating point.
    F32,
    /// bfloat16.
    Bf16,
}

impl DType {
    /// Bytes in one element.
    pub fn size(self) -> usize {
        match self {
            DType::F32 => 4,
            DType::Bf16 => 2,
        }
    }
}

/// The type of activations and of the inputs of matrix products. Accumulation, the residual stream, statistics, the
/// loss, parameter gradients and master weights are f32 either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Precision {
    /// Everything in f32.
    F32,
    /// Activations and matrix inputs in bf16.
    Bf16,
}

impl Precision {
    /// The storage type of activations.
    pub fn dtype(self) -> DType {
        match self {
            Precision::F32 => DType::F32,
            Precision::Bf16 => DType::Bf16,
        }
    }

    /// The name in recipes and reports.
    pub fn name(self) -> &'static str {
        match self {
            Precision::F32 => "f32",
            Precision::Bf16 => "bf16",
        }
    }
}

/// Runs `$body` with `$T` standing for the element type of `$dtype`.
macro_rules! by_dtype {
    ($dtype:expr, $T:ident => $body:expr) => {
        match $dtype {
            $crate::DType::F32 => {
                type $T = f32;
                $body
            }
            $crate::DType::Bf16 => {
                type $T = kernels::bf16;
                $body
            }
        }
    };
}
pub(crate) use by_dtype;

/// The elements of a buffer, at the length of its size class.
pub(crate) enum Data {
    F32(Vec<f32>),
    Bf16(Vec<bf16>),
    Meta(DType, usize),
}

impl Data {
    pub(crate) fn zeroed(dtype: DType, len: usize) -> Data {
        match dtype {
            DType::F32 => Data::F32(vec![0.0; len]),
            DType::Bf16 => Data::Bf16(vec![bf16::ZERO; len]),
        }
    }

    pub(crate) fn dtype(&self) -> DType {
        match self {
            Data::F32(_) => DType::F32,
            Data::Bf16(_) => DType::Bf16,
            Data::Meta(dtype, _) => *dtype,
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Data::F32(x) => x.len(),
            Data::Bf16(x) => x.len(),
            Data::Meta(_, len) => *len,
        }
    }

    pub(crate) fn poison(&mut self, len: usize) {
        match self {
            Data::F32(x) => x[..len].fill(f32::NAN),
            Data::Bf16(x) => x[..len].fill(bf16::NAN),
            Data::Meta(..) => {}
        }
    }
}

/// A storage type that tensors can hold.
pub trait Stored: Element {
    /// The tag of this type.
    const DTYPE: DType;
    #[doc(hidden)]
    fn of(data: &DataRef) -> &[Self];
    #[doc(hidden)]
    fn of_mut(data: &mut DataRef) -> &mut [Self];
}

/// The inside of a buffer, visible to [`Stored`] only.
pub struct DataRef(pub(crate) Data);

impl Stored for f32 {
    const DTYPE: DType = DType::F32;
    fn of(data: &DataRef) -> &[f32] {
        match &data.0 {
            Data::F32(x) => x,
            other => panic!("expected an f32 buffer with data, found {}", describe(other)),
        }
    }
    fn of_mut(data: &mut DataRef) -> &mut [f32] {
        match &mut data.0 {
            Data::F32(x) => x,
            other => panic!("expected an f32 buffer with data, found {}", describe(other)),
        }
    }
}

impl Stored for bf16 {
    const DTYPE: DType = DType::Bf16;
    fn of(data: &DataRef) -> &[bf16] {
        match &data.0 {
            Data::Bf16(x) => x,
            other => panic!("expected a bf16 buffer with data, found {}", describe(other)),
        }
    }
    fn of_mut(data: &mut DataRef) -> &mut [bf16] {
        match &mut data.0 {
            Data::Bf16(x) => x,
            other => panic!("expected a bf16 buffer with data, found {}", describe(other)),
        }
    }
}

fn describe(data: &Data) -> String {
    let place = if matches!(data, Data::Meta(..)) { " on the meta device" } else { "" };
    format!("{:?}{place}", data.dtype())
}

struct Buffer {
    device: Device,
    /// `None` only while being dropped.
    data: Option<DataRef>,
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(data) = self.data.take() {
            self.device.release(data.0);
        }
    }
}

/// A dense row-major tensor. Cloning shares the buffer; writing needs the only handle.
#[derive(Clone)]
pub struct Tensor {
    buffer: Arc<Buffer>,
    shape: Vec<usize>,
}

impl std::fmt::Debug for Tensor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tensor({:?}, {:?})", self.dtype(), self.shape)
    }
}

impl Tensor {
    /// A tensor with arbitrary content, to be written by the caller.
    pub fn empty(device: &Device, dtype: DType, shape: &[usize]) -> Tensor {
        let data = device.allocate(dtype, shape.iter().product());
        let buffer = Buffer { device: device.clone(), data: Some(DataRef(data)) };
        Tensor { buffer: Arc::new(buffer), shape: shape.to_vec() }
    }

    /// A tensor of zeros.
    pub fn zeros(device: &Device, dtype: DType, shape: &[usize]) -> Tensor {
        let mut tensor = Tensor::empty(device, dtype, shape);
        tensor.fill_zero();
        tensor
    }

    /// A tensor that holds a copy of `values`.
    pub fn from_slice<T: Stored>(device: &Device, shape: &[usize], values: &[T]) -> Tensor {
        assert_eq!(shape.iter().product::<usize>(), values.len(), "{} values for shape {shape:?}", values.len());
        let mut tensor = Tensor::empty(device, T::DTYPE, shape);
        if !device.is_meta() {
            tensor.slice_mut::<T>().copy_from_slice(values);
        }
        tensor
    }

    /// Sets every element to zero.
    pub fn fill_zero(&mut self) {
        if !self.is_meta() {
            by_dtype!(self.dtype(), T => self.slice_mut::<T>().fill(T::from_f32(0.0)));
        }
    }

    /// A copy in its own buffer.
    pub fn duplicate(&self) -> Tensor {
        self.to_dtype(self.dtype())
    }

    /// A copy in its own buffer and in another type (rounding to nearest even).
    pub fn to_dtype(&self, dtype: DType) -> Tensor {
        let mut copy = Tensor::empty(self.device(), dtype, &self.shape);
        if !self.is_meta() {
            by_dtype!(self.dtype(), A => by_dtype!(dtype, B => {
                kernels::elementwise::cast::<A, B>(self.slice(), copy.slice_mut())
            }));
        }
        copy
    }

    /// The device that holds the buffer.
    pub fn device(&self) -> &Device {
        &self.buffer.device
    }

    /// Whether the buffer only counts, see [`Device::meta`].
    pub fn is_meta(&self) -> bool {
        self.device().is_meta()
    }

    /// The storage type.
    pub fn dtype(&self) -> DType {
        self.data().0.dtype()
    }

    /// The extents, slowest first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Rows of the tensor seen as a matrix: the product of all extents but the last.
    pub fn n_rows(&self) -> usize {
        self.shape[..self.shape.len() - 1].iter().product()
    }

    /// The last extent.
    pub fn n_cols(&self) -> usize {
        *self.shape.last().expect("a tensor has at least one extent")
    }

    /// Elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether this is the only handle to the buffer, so that it may be written.
    pub fn is_unique(&mut self) -> bool {
        Arc::get_mut(&mut self.buffer).is_some()
    }

    /// The same buffer under another shape of equal length.
    pub fn reshape(mut self, shape: &[usize]) -> Tensor {
        assert_eq!(self.len(), shape.iter().product::<usize>(), "cannot view {:?} as {shape:?}", self.shape);
        self.shape = shape.to_vec();
        self
    }

    /// A copy of some rows.
    pub fn select_rows(&self, rows: &[usize]) -> Tensor {
        let dim = self.n_cols();
        let mut part = Tensor::empty(self.device(), self.dtype(), &[rows.len(), dim]);
        if !self.is_meta() {
            by_dtype!(self.dtype(), T => {
                let (from, to) = (self.slice::<T>(), part.slice_mut::<T>());
                for (row, out) in rows.iter().zip(to.chunks_exact_mut(dim)) {
                    out.copy_from_slice(&from[row * dim..(row + 1) * dim]);
                }
            });
        }
        part
    }

    /// The elements.
    ///
    /// # Panics
    /// When `T` is not the storage type, or on the meta device.
    #[track_caller]
    pub fn slice<T: Stored>(&self) -> &[T] {
        &T::of(self.data())[..self.len()]
    }

    /// The elements, to be written.
    ///
    /// # Panics
    /// When the buffer is shared, when `T` is not the storage type, or on the meta device.
    #[track_caller]
    pub fn slice_mut<T: Stored>(&mut self) -> &mut [T] {
        let len = self.len();
        let shape = &self.shape;
        let buffer =
            Arc::get_mut(&mut self.buffer).unwrap_or_else(|| panic!("writing to a shared buffer of shape {shape:?}"));
        &mut T::of_mut(buffer.data.as_mut().expect("present until dropped"))[..len]
    }

    /// The elements as f32, whatever the storage type.
    pub fn to_vec_f32(&self) -> Vec<f32> {
        by_dtype!(self.dtype(), T => self.slice::<T>().iter().map(|x| x.to_f32()).collect())
    }

    fn data(&self) -> &DataRef {
        self.buffer.data.as_ref().expect("present until dropped")
    }
}
