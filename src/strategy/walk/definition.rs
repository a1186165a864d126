//! Functions, classes, parameters and imports: what binds names and opens scopes.

use super::super::parse::ast::{self, Identifier, Parameters, TypeParam};
use super::super::scope::{How, ScopeKind};
use super::{IdentKind, Role, Walk};

impl<'a> Walk<'a> {
    /// An identifier that also binds.
    pub(super) fn named(&mut self, name: &'a Identifier, kind: IdentKind, how: How<'a>) {
        let Identifier { id: _, range, node_index: _ } = name;
        self.ident(name.as_str(), *range, kind);
        self.bind(name.as_str(), *range, self.scope, how);
    }

    pub(super) fn function(&mut self, def: &'a ast::StmtFunctionDef) {
        let ast::StmtFunctionDef {
            node_index: _,
            range: _,
            is_async: _,
            decorator_list,
            name,
            type_params,
            parameters,
            returns,
            body,
        } = def;
        self.decorators(decorator_list);
        self.named(name, IdentKind::Function, How::Function);
        let inner = self.open(ScopeKind::Function);
        self.type_params(type_params.as_deref(), inner);
        self.parameters(parameters, inner);
        if let Some(returns) = returns {
            self.add_as(returns, Role::Annotation);
        }
        self.suite_in(body, inner);
    }

    pub(super) fn class(&mut self, def: &'a ast::StmtClassDef) {
        let ast::StmtClassDef { node_index: _, range: _, decorator_list, name, type_params, arguments, body } =
            def;
        self.decorators(decorator_list);
        self.named(name, IdentKind::Class, How::Class);
        let inner = self.open(ScopeKind::Class);
        self.type_params(type_params.as_deref(), inner);
        if let Some(arguments) = arguments {
            self.arguments(arguments, Role::ClassBase);
        }
        self.suite_in(body, inner);
    }

    pub(super) fn decorators(&mut self, decorators: &'a [ast::Decorator]) {
        for ast::Decorator { node_index: _, range: _, expression } in decorators {
            self.add_as(expression, Role::Decorator);
        }
    }

    pub(super) fn arguments(&mut self, arguments: &'a ast::Arguments, role: Role<'a>) {
        let ast::Arguments { node_index: _, range: _, args, keywords } = arguments;
        for arg in args {
            self.add_as(arg, role);
        }
        for ast::Keyword { node_index: _, range: _, arg, value } in keywords {
            if let Some(arg) = arg {
                self.ident(arg.as_str(), arg.range, IdentKind::Keyword);
            }
            self.add(value);
        }
    }

    /// Parameters bind in `inner`; their defaults and annotations are evaluated outside.
    pub(super) fn parameters(&mut self, parameters: &'a Parameters, inner: usize) {
        let Parameters { node_index: _, range: _, posonlyargs, args, vararg, kwonlyargs, kwarg } = parameters;
        for parameter in posonlyargs.iter().chain(args).chain(kwonlyargs) {
            let ast::ParameterWithDefault { node_index: _, range: _, parameter, default } = parameter;
            self.parameter(parameter, inner);
            self.option(default.as_deref());
        }
        for parameter in vararg.iter().chain(kwarg) {
            self.parameter(parameter, inner);
        }
    }

    pub(super) fn parameter(&mut self, parameter: &'a ast::Parameter, inner: usize) {
        let ast::Parameter { node_index: _, range: _, name, annotation } = parameter;
        self.ident(name.as_str(), name.range, IdentKind::Parameter);
        self.bind(name.as_str(), name.range, inner, How::Parameter);
        if let Some(annotation) = annotation {
            self.add_as(annotation, Role::Annotation);
        }
    }

    pub(super) fn type_params(&mut self, params: Option<&'a ast::TypeParams>, inner: usize) {
        let Some(ast::TypeParams { node_index: _, range: _, type_params }) = params else {
            return;
        };
        for param in type_params {
            let (name, bound, default) = match param {
                TypeParam::TypeVar(ast::TypeParamTypeVar {
                    node_index: _,
                    range: _,
                    name,
                    bound,
                    default,
                }) => (name, bound.as_deref(), default.as_deref()),
                TypeParam::TypeVarTuple(ast::TypeParamTypeVarTuple {
                    node_index: _,
                    range: _,
                    name,
                    default,
                })
                | TypeParam::ParamSpec(ast::TypeParamParamSpec { node_index: _, range: _, name, default }) => {
                    (name, None, default.as_deref())
                }
            };
            self.ident(name.as_str(), name.range, IdentKind::TypeParameter);
            self.bind(name.as_str(), name.range, inner, How::Other);
            for expr in bound.into_iter().chain(default) {
                self.add_in(expr, inner);
            }
        }
    }

    pub(super) fn import(&mut self, names: &'a [ast::Alias]) {
        for ast::Alias { node_index: _, range: _, name, asname } in names {
            let module = name.as_str();
            self.ident(module, name.range, IdentKind::ImportedModule);
            if let Some(asname) = asname {
                self.named(asname, IdentKind::Alias, How::Module(module));
            } else {
                let root = module.split('.').next().unwrap_or(module);
                self.bind(root, name.range, self.scope, How::Module(root));
            }
        }
    }

    pub(super) fn import_from(&mut self, module: Option<&'a Identifier>, names: &'a [ast::Alias]) {
        if let Some(module) = module {
            self.ident(module.as_str(), module.range, IdentKind::ImportedModule);
        }
        let module = module.map_or("", |module| module.as_str());
        for ast::Alias { node_index: _, range: _, name, asname } in names {
            self.ident(name.as_str(), name.range, IdentKind::ImportedName);
            let how = How::Member(module, name.as_str());
            if let Some(asname) = asname {
                self.named(asname, IdentKind::Alias, how);
            } else {
                self.bind(name.as_str(), name.range, self.scope, how);
            }
        }
    }
}
