//! Values of a tensor, converted and checked on the way into the caller's memory.

use half::{bf16, f16};
use safetensors::Dtype;

use super::Weights;
use crate::error::{Error, Result};

impl Weights {
    /// Reads tensor `name`, which must have `shape`, as f32 (exact for F32, F16 and BF16).
    ///
    /// # Errors
    /// Not there, another shape or type, or a value that is not finite; the message names the tensor.
    ///
    /// # Panics
    /// When `out` does not have as many values as `shape`: the caller's bug.
    pub fn read_f32(&self, name: &str, shape: &[usize], out: &mut [f32]) -> Result<()> {
        self.read_with(name, shape, out, |x| x, |x| x.is_finite())
    }

    /// Reads tensor `name`, which must have `shape`, as bf16 (F32 and F16 rounded to nearest, ties to even).
    ///
    /// # Errors
    /// As [`Weights::read_f32`]; an F32 value that is beyond bf16's range counts as not finite.
    ///
    /// # Panics
    /// As [`Weights::read_f32`].
    pub fn read_bf16(&self, name: &str, shape: &[usize], out: &mut [bf16]) -> Result<()> {
        self.read_with(name, shape, out, bf16::from_f32, |x| x.is_finite())
    }

    /// Checks every value of every floating-point tensor without keeping any.
    ///
    /// # Errors
    /// Names the first tensor, in the order of names, that holds a NaN or an infinity.
    pub fn check_finite(&self) -> Result<()> {
        for (name, location) in &self.tensors {
            if !is_float(location.info.dtype) {
                continue;
            }
            let bad = |x: f32| (!x.is_finite()).then_some(x);
            if let Some((i, x)) = find(location.info.dtype, self.bytes_of(name), bad) {
                return Err(not_finite(name, i, x));
            }
        }
        Ok(())
    }

    /// Whether tensor `name` is there with that shape and a type that can be read.
    ///
    /// # Errors
    /// What was found and what was expected.
    pub(super) fn check_tensor(&self, name: &str, shape: &[usize]) -> Result<()> {
        let Some(location) = self.tensors.get(name) else {
            return Err(Error::tensor(name, "not in the file"));
        };
        let info = &location.info;
        if info.shape != shape {
            return Err(Error::tensor(
                name,
                format!("found shape {:?}, expected {shape:?} from the configuration", info.shape),
            ));
        }
        if !is_float(info.dtype) {
            return Err(Error::tensor(name, format!("found type {}, expected F32, F16 or BF16", info.dtype)));
        }
        Ok(())
    }

    fn read_with<T>(
        &self,
        name: &str,
        shape: &[usize],
        out: &mut [T],
        convert: impl Fn(f32) -> T,
        is_finite: impl Fn(&T) -> bool,
    ) -> Result<()> {
        let n_values: usize = shape.iter().product();
        assert_eq!(out.len(), n_values, "{name}: room for {} values, shape {shape:?}", out.len());
        self.check_tensor(name, shape)?;
        let dtype = self.tensors[name].info.dtype;
        let bytes = self.bytes_of(name);
        // Conversion and check are one pass without a branch to leave by, which the compiler vectorizes; the place of
        // a bad value is looked for only when there is one.
        let mut all_finite = true;
        match dtype {
            Dtype::F32 => {
                for (x, b) in out.iter_mut().zip(bytes.as_chunks::<4>().0) {
                    *x = convert(f32::from_le_bytes(*b));
                    all_finite &= is_finite(x);
                }
            }
            Dtype::BF16 => {
                for (x, b) in out.iter_mut().zip(bytes.as_chunks::<2>().0) {
                    *x = convert(bf16::from_le_bytes(*b).to_f32());
                    all_finite &= is_finite(x);
                }
            }
            _ => {
                for (x, b) in out.iter_mut().zip(bytes.as_chunks::<2>().0) {
                    *x = convert(f16::from_le_bytes(*b).to_f32());
                    all_finite &= is_finite(x);
                }
            }
        }
        if all_finite {
            return Ok(());
        }
        let bad = |x: f32| (!is_finite(&convert(x))).then_some(x);
        let (i, x) = find(dtype, bytes, bad).unwrap_or((0, f32::NAN));
        Err(not_finite(name, i, x))
    }

    fn bytes_of(&self, name: &str) -> &[u8] {
        let location = &self.tensors[name];
        let shard = &self.shards[location.shard_idx];
        let (start, end) = location.info.data_offsets;
        // In bounds: the header was checked against the length of the same bytes.
        &shard.storage.bytes()[shard.data_start + start..shard.data_start + end]
    }
}

fn is_float(dtype: Dtype) -> bool {
    matches!(dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16)
}

fn find(dtype: Dtype, bytes: &[u8], bad: impl Fn(f32) -> Option<f32>) -> Option<(usize, f32)> {
    let search = |values: &mut dyn Iterator<Item = f32>| values.enumerate().find_map(|(i, x)| bad(x).map(|x| (i, x)));
    match dtype {
        Dtype::F32 => search(&mut bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b))),
        Dtype::BF16 => search(&mut bytes.as_chunks::<2>().0.iter().map(|b| bf16::from_le_bytes(*b).to_f32())),
        _ => search(&mut bytes.as_chunks::<2>().0.iter().map(|b| f16::from_le_bytes(*b).to_f32())),
    }
}

fn not_finite(name: &str, i: usize, x: f32) -> Error {
    Error::tensor(name, format!("value {i} is {x}: the file is damaged, or the model has diverged"))
}
