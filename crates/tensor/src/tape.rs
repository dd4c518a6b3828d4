//! The tape: operations run at once and leave behind what their backward needs.
//!
//! A [`Var`] is a value with a place on the tape. An operation takes and returns `Var`s; on a training tape it pushes a
//! closure that turns the gradient of its output into gradients of its inputs. Values live exactly as long as a model's
//! local variable or a pending backward holds them, so peak memory is what the mathematics needs.
//!
//! **Recomputation.** Some outputs are cheap to make again (norms, SwiGLU, MLA's up-projection: V3 report, section
//! 3.2.3). Such a `Var` carries a [`Remake`]; whoever saves it for backward saves the recipe instead of the value, and
//! the first backward that asks pays for it once.

use crate::params::{Gradients, Params};
use crate::tensor::by_dtype;
use crate::{DType, Device, Tensor};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

type VarId = usize;

/// A value on a tape.
#[derive(Clone)]
pub struct Var {
    pub(crate) id: VarId,
    pub(crate) value: Tensor,
    remake: Option<Rc<Remake>>,
}

impl Var {
    /// The value.
    pub fn value(&self) -> &Tensor {
        &self.value
    }

    /// Keeps this value for a backward: the tensor itself, or its recipe.
    pub(crate) fn save(&self) -> Saved {
        match &self.remake {
            None => Saved::Value(self.value.clone()),
            Some(remake) => {
                remake.n_uses.set(remake.n_uses.get() + 1);
                Saved::Remade(Rc::clone(remake))
            }
        }
    }
}

type MakeFn = Box<dyn FnOnce(&Params) -> Tensor>;

/// How to make a value again, and who still wants it.
pub(crate) struct Remake {
    make: RefCell<Option<MakeFn>>,
    cached: RefCell<Option<Tensor>>,
    n_uses: Cell<usize>,
}

/// A value kept for backward. Each one is taken exactly once.
pub(crate) enum Saved {
    Value(Tensor),
    Remade(Rc<Remake>),
}

impl Saved {
    pub(crate) fn take(self, params: &Params) -> Tensor {
        let remake = match self {
            Saved::Value(value) => return value,
            Saved::Remade(remake) => remake,
        };
        let cached = remake.cached.borrow_mut().take();
        let value = cached.unwrap_or_else(|| {
            let make = remake.make.borrow_mut().take().expect("a value is remade once while it has uses");
            make(params)
        });
        let n_left = remake.n_uses.get() - 1;
        remake.n_uses.set(n_left);
        if n_left > 0 {
            *remake.cached.borrow_mut() = Some(value.clone());
        }
        value
    }
}

type BackwardFn<'a> = Box<dyn FnOnce(&mut Backward<'_, 'a>) + 'a>;

/// Runs operations; records them where gradients are wanted.
///
/// `'a` is the life of the parameters and of what a batch lends to the operations (positions, tables).
pub struct Tape<'a> {
    pub(crate) params: &'a Params,
    pub(crate) grads: Option<&'a mut Gradients>,
    nodes: Vec<BackwardFn<'a>>,
    n_vars: usize,
}

impl<'a> Tape<'a> {
    /// A tape that records nothing: the same forward, for evaluation and generation.
    pub fn inference(params: &'a Params) -> Tape<'a> {
        Tape { params, grads: None, nodes: Vec::new(), n_vars: 0 }
    }

    /// A tape whose [`Tape::backward`] adds to `grads`.
    pub fn training(params: &'a Params, grads: &'a mut Gradients) -> Tape<'a> {
        Tape { params, grads: Some(grads), nodes: Vec::new(), n_vars: 0 }
    }

    /// The parameters that operations read.
    pub fn params(&self) -> &'a Params {
        self.params
    }

    /// Where values are made.
    pub fn device(&self) -> &'a Device {
        self.params.device()
    }

    /// The type of activations.
    pub(crate) fn dtype(&self) -> DType {
        self.params.precision().dtype()
    }

    /// Whether a backward will follow.
    pub fn is_recording(&self) -> bool {
        self.grads.is_some()
    }

    /// Puts a value on the tape.
    pub fn var(&mut self, value: Tensor) -> Var {
        self.n_vars += 1;
        Var { id: self.n_vars - 1, value, remake: None }
    }

    /// Puts a value on the tape that backward makes again instead of keeping it.
    pub(crate) fn remakeable(&mut self, value: Tensor, make: impl FnOnce(&Params) -> Tensor + 'static) -> Var {
        let mut var = self.var(value);
        let make: MakeFn = Box::new(make);
        var.remake =
            Some(Rc::new(Remake { make: RefCell::new(Some(make)), cached: RefCell::default(), n_uses: Cell::new(0) }));
        var
    }

    /// Records a backward step. Call only while [`Tape::is_recording`].
    pub(crate) fn record(&mut self, backward: impl FnOnce(&mut Backward<'_, 'a>) + 'a) {
        debug_assert!(self.is_recording());
        self.nodes.push(Box::new(backward));
    }

    /// Runs the recorded steps in reverse and adds to the gradients of the parameters. The roots are the operations
    /// that return a loss (they need no gradient from above).
    pub fn backward(mut self) {
        let grads = self.grads.take().expect("backward needs a training tape");
        let vars = std::iter::repeat_with(|| None).take(self.n_vars).collect();
        let mut backward = Backward { params: self.params, grads, slots: Slots { device: self.params.device(), vars } };
        while let Some(step) = self.nodes.pop() {
            step(&mut backward);
        }
    }
}

/// The state of a backward pass.
pub(crate) struct Backward<'b, 'a> {
    pub(crate) params: &'a Params,
    pub(crate) grads: &'b mut Gradients,
    pub(crate) slots: Slots<'a>,
}

/// Gradients of the values whose consumers have all run.
pub(crate) struct Slots<'a> {
    device: &'a Device,
    vars: Vec<Option<Tensor>>,
}

impl Slots<'_> {
    /// The finished gradient of an operation's output; `None` where nothing depended on it.
    pub(crate) fn take(&mut self, id: VarId) -> Option<Tensor> {
        self.vars[id].take()
    }

    /// The gradient buffer of a value, and whether to add to what is there (otherwise it is to be overwritten).
    pub(crate) fn get(&mut self, id: VarId, dtype: DType, shape: &[usize]) -> (&mut Tensor, bool) {
        let slot = &mut self.vars[id];
        let accumulate = slot.is_some();
        (slot.get_or_insert_with(|| Tensor::empty(self.device, dtype, shape)), accumulate)
    }

    /// The gradient buffer of a value for operations that write only parts of it: zeros at first, always added to.
    pub(crate) fn get_zeroed(&mut self, id: VarId, dtype: DType, shape: &[usize]) -> &mut Tensor {
        self.vars[id].get_or_insert_with(|| Tensor::zeros(self.device, dtype, shape))
    }

    /// Hands a whole gradient to a value: moved where it is the first, added otherwise.
    pub(crate) fn give(&mut self, id: VarId, grad: Tensor) {
        match &mut self.vars[id] {
            slot @ None => *slot = Some(grad),
            Some(sum) => {
                assert_eq!(sum.shape(), grad.shape(), "gradients of one value");
                if !grad.is_meta() {
                    by_dtype!(sum.dtype(), A => by_dtype!(grad.dtype(), B => {
                        kernels::elementwise::add_assign::<A, B>(sum.slice_mut(), grad.slice())
                    }));
                }
            }
        }
    }
}
