//! What a file would cost to compile, told from its bytes: compiling cannot be stopped once it has begun.
//!
//! The time and the memory that it takes grow with the square of what one function has of branches, of nesting, and of
//! locals that they may change. So a file of some kilobytes can ask for minutes and gigabytes, and a component that
//! instantiates others can ask for more instances than it has bytes. Neither is what a compiler makes of a program.

use wasmparser::{
    BinaryReaderError, BlockType, ComponentAlias, ComponentExternalKind, ComponentTypeRef, CompositeInnerType,
    FunctionBody, Operator, Parser, Payload, TypeRef,
};

use super::Refusal;
use super::engine::UTMOST;

/// The most work of one function: some seconds, and less than a gigabyte. The heaviest function of CPython's is a third
/// of it.
const FUNCTION: u64 = 120_000_000;
/// The most work of a file: about a minute of a processor. A plugin in Python is a third of it.
const FILE: u64 = 2_000_000_000;
/// From here on a file is heavy: it takes seconds.
const HEAVY: u64 = 200_000_000;
/// The work of a byte of code; the unit is some 25 ns.
const BYTE: u64 = 50;
/// The work of a local at a branch, beside that of the branch.
const LOCAL: u64 = 32;

/// What a file asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Weight {
    work: u64,
}

impl Weight {
    /// Whether it takes seconds to compile.
    pub(super) fn is_heavy(self) -> bool {
        self.work >= HEAVY
    }
}

/// Looks through a file without compiling anything.
///
/// # Errors
/// If it is malformed, or more than is compiled.
pub(super) fn weigh(bytes: &[u8]) -> Result<Weight, Refusal> {
    let malformed = |error: BinaryReaderError| Refusal::Malformed(error.to_string());
    let (mut work, mut outer, mut scope, mut largest) = (0_u64, Vec::new(), Scope::default(), 1_u64);
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(malformed)? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => outer.push(std::mem::take(&mut scope)),
            Payload::End(_) => {
                largest = largest.max(scope.instances);
                scope = outer.pop().unwrap_or_default();
            }
            Payload::InstanceSection(instances) => scope.instances += u64::from(instances.count()),
            Payload::ComponentInstanceSection(instances) => {
                // Any of them may be the largest of the components that are complete.
                scope.instances = scope.instances.saturating_add(largest.saturating_mul(instances.count().into()));
            }
            Payload::ComponentImportSection(imports) => {
                for import in imports {
                    if matches!(import.map_err(malformed)?.ty, ComponentTypeRef::Component(_)) {
                        return Err(toil("it takes components as imports".into()));
                    }
                }
            }
            Payload::ComponentAliasSection(aliases) => {
                for alias in aliases {
                    let kind = ComponentExternalKind::Component;
                    if matches!(alias.map_err(malformed)?, ComponentAlias::InstanceExport { kind: of, .. } if of == kind)
                    {
                        return Err(toil("it takes components out of instances".into()));
                    }
                }
            }
            Payload::TypeSection(types) => {
                for group in types {
                    for kind in group.map_err(malformed)?.types() {
                        let width = match &kind.composite_type.inner {
                            CompositeInnerType::Func(function) => function.params().len() + function.results().len(),
                            _ => 0,
                        };
                        scope.widths.push(width as u64);
                        work = work.saturating_add(BYTE * width as u64);
                    }
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    if let TypeRef::Func(kind) | TypeRef::FuncExact(kind) = import.map_err(malformed)?.ty {
                        scope.functions.push(kind);
                    }
                }
                scope.next = scope.functions.len();
            }
            Payload::FunctionSection(functions) => {
                for kind in functions {
                    scope.functions.push(kind.map_err(malformed)?);
                }
            }
            Payload::CodeSectionEntry(body) => {
                let function = scope.weigh(&body).map_err(malformed)?;
                scope.next += 1;
                if function.work > FUNCTION {
                    return Err(toil(function.words(&body)));
                }
                work = work.saturating_add(function.work);
            }
            _ => {}
        }
        if work > FILE {
            return Err(toil("it has too much code altogether".into()));
        }
        if scope.instances > 2 * u64::from(UTMOST.core_instances) {
            return Err(toil(format!("it makes {} instances", scope.instances)));
        }
    }
    Ok(Weight { work })
}

fn toil(words: String) -> Refusal {
    Refusal::Toil(words)
}

/// A module or a component that is being read.
#[derive(Default)]
struct Scope {
    /// How many parameters and results each type has together.
    widths: Vec<u64>,
    /// The type of each function.
    functions: Vec<u32>,
    /// The function whose body comes next.
    next: usize,
    /// How many instances there are of it, and of what it instantiates, for each of its own.
    instances: u64,
}

/// A function, and what there is of it.
#[derive(Default)]
struct Function {
    work: u64,
    locals: u64,
    branches: u64,
    depth: u64,
    deepest: u64,
}

impl Scope {
    fn width(&self, kind: u32) -> u64 {
        self.widths.get(kind as usize).copied().unwrap_or_default()
    }

    fn width_of(&self, function: usize) -> u64 {
        self.functions.get(function).map_or(0, |kind| self.width(*kind))
    }

    fn width_of_block(&self, block: BlockType) -> u64 {
        if let BlockType::FuncType(kind) = block { self.width(kind) } else { 1 }
    }

    fn weigh(&self, body: &FunctionBody<'_>) -> Result<Function, BinaryReaderError> {
        let mut function = Function { locals: self.width_of(self.next), ..Function::default() };
        for local in body.get_locals_reader()? {
            function.locals += u64::from(local?.0);
        }
        function.work = BYTE * body.range().len() as u64 + LOCAL * function.locals;
        for operator in body.get_operators_reader()? {
            match operator? {
                Operator::Block { blockty } | Operator::Loop { blockty } | Operator::If { blockty } => {
                    function.enter(self.width_of_block(blockty));
                }
                Operator::TryTable { try_table } => {
                    function.enter(self.width_of_block(try_table.ty) + try_table.catches.len() as u64);
                }
                Operator::End => function.depth = function.depth.saturating_sub(1),
                Operator::Else | Operator::Br { .. } | Operator::BrIf { .. } | Operator::Return => {
                    function.branch(1, 0)
                }
                Operator::BrTable { targets } => function.branch(1, u64::from(targets.len()) / LOCAL),
                // Each looks for its function first, which is a branch of its own.
                Operator::CallIndirect { type_index, .. } | Operator::ReturnCallIndirect { type_index, .. } => {
                    function.branch(2, self.width(type_index));
                }
                Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
                    function.work += LOCAL * self.width_of(function_index as usize);
                }
                Operator::TableGet { .. } | Operator::TableSet { .. } => function.branch(2, 0),
                _ => {}
            }
        }
        Ok(function)
    }
}

impl Function {
    fn enter(&mut self, width: u64) {
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        self.branch(1, width);
    }

    /// At each branch there is something to do for each local, for each value that it carries, for each block that it is
    /// in, and for each branch before it.
    fn branch(&mut self, number: u64, width: u64) {
        self.branches += number;
        let each = LOCAL * (self.locals + width) + self.depth + self.branches;
        self.work = self.work.saturating_add(number * each);
    }

    fn words(&self, body: &FunctionBody<'_>) -> String {
        let Self { locals, branches, deepest, .. } = self;
        format!(
            "one of its functions has {} bytes, {locals} locals and {branches} branches, nested {deepest} deep",
            body.range().len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A component with one module, whose only function has these locals and this code.
    fn component(locals: u32, code: &[u8]) -> Vec<u8> {
        let section = |id: u8, bytes: &[u8]| [&[id][..], &leb(bytes.len()), bytes].concat();
        let body = [&[1][..], &leb(locals as usize), &[0x7f], code, &[0x0b]].concat();
        let functions = [&[1][..], &leb(body.len()), &body].concat();
        let module = [
            &b"\0asm\x01\0\0\0"[..],
            &section(1, b"\x01\x60\x01\x7f\0"),
            &section(3, b"\x01\0"),
            &section(10, &functions),
        ];
        [&b"\0asm\x0d\0\x01\0"[..], &section(1, &module.concat())].concat()
    }

    fn leb(mut number: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while number > 0x7f {
            bytes.push(number as u8 & 0x7f | 0x80);
            number >>= 7;
        }
        bytes.push(number as u8);
        bytes
    }

    /// `local.get 0 if end`, so many times.
    fn branches(number: usize) -> Vec<u8> {
        b"\x20\0\x04\x40\x0b".repeat(number)
    }

    #[test]
    fn i6_locals_and_branches_of_one_function_are_weighed_together() {
        assert!(weigh(&component(10, &branches(5_000))).is_ok());
        assert!(weigh(&component(2_000, &branches(50))).is_ok());
        let refusal = weigh(&component(2_000, &branches(5_000))).expect_err("it is refused").to_string();
        assert!(refusal.contains("2001 locals and 5000 branches, nested 1 deep"), "{refusal}");
    }

    #[test]
    fn code_without_branches_is_weighed_by_its_size() {
        let plain = |times| component(1, &b"\x41\0\x1a".repeat(times));
        assert_eq!(weigh(&plain(500_000)).map(Weight::is_heavy), Ok(false));
        assert!(weigh(&plain(1_000_000)).is_err());
    }

    #[test]
    fn what_is_malformed_is_said_to_be() {
        let mut half = component(1, &branches(1));
        half.truncate(half.len() - 3);
        assert!(matches!(weigh(&half), Err(Refusal::Malformed(_))));
    }
}
