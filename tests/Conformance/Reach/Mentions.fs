/// What the code of an assembly mentions, read from its IL: the methods that each method calls or takes the address of,
/// the static fields that it reads, and the types that it names. Overloads are one method, and instances of generics are their
/// definition.
module Dkim.Tests.Conformance.Mentions

open System
open System.Collections.Generic
open System.IO
open System.Reflection
open System.Reflection.Emit
open System.Reflection.Metadata
open System.Reflection.Metadata.Ecma335
open System.Reflection.PortableExecutable

/// A member by the full name of its type and its own.
[<Struct>]
type Member = { Type: string; Name: string }

type Mention =
    | Calls of Member
    | Reads of Member
    | Names of string

type Code =
    {
        Member: Member
        Mentions: Mention list
        /// Somebody calls it through a base class or an interface.
        IsVirtual: bool
        /// It gives what a field holds and does nothing else.
        IsAccessor: bool
        IsStatic: bool
        /// The compiler made it of a type: equality, order, text.
        IsGenerated: bool
    }

type Contents =
    {
        /// Its simple name.
        Name: string
        EntryPoint: Member voption
        Codes: Code list
        Structs: string list
    }

let private opCodes: Dictionary<int, OpCode> =
    let found = Dictionary()

    for field in typeof<OpCodes>.GetFields(BindingFlags.Public ||| BindingFlags.Static) do
        match field.GetValue null with
        | :? OpCode as code -> found[int (uint16 code.Value)] <- code
        | _ -> ()

    found

let rec private definedName (reader: MetadataReader) (handle: TypeDefinitionHandle) : string =
    let definition = reader.GetTypeDefinition handle
    let name = reader.GetString definition.Name

    if definition.IsNested then
        definedName reader (definition.GetDeclaringType()) + "/" + name
    elif definition.Namespace.IsNil then
        name
    else
        reader.GetString definition.Namespace + "." + name

let rec private referredName (reader: MetadataReader) (handle: TypeReferenceHandle) : string =
    let reference = reader.GetTypeReference handle
    let name = reader.GetString reference.Name

    if reference.ResolutionScope.Kind = HandleKind.TypeReference then
        referredName reader (TypeReferenceHandle.op_Explicit reference.ResolutionScope)
        + "/"
        + name
    elif reference.Namespace.IsNil then
        name
    else
        reader.GetString reference.Namespace + "." + name

/// The names of all types in a signature, the definition of a generic first.
let private typeNames =
    { new ISignatureTypeProvider<string list, unit> with
        member _.GetArrayType(element, _) = element
        member _.GetByReferenceType element = element
        member _.GetFunctionPointerType signature = signature.ReturnType

        member _.GetGenericInstantiation(generic, arguments) =
            generic @ List.concat (List.ofSeq arguments)

        member _.GetGenericMethodParameter(_, _) = []
        member _.GetGenericTypeParameter(_, _) = []
        member _.GetModifiedType(_, unmodified, _) = unmodified
        member _.GetPinnedType element = element
        member _.GetPointerType element = element
        member _.GetPrimitiveType _ = []
        member _.GetSZArrayType element = element
        member _.GetTypeFromDefinition(reader, handle, _) = [ definedName reader handle ]
        member _.GetTypeFromReference(reader, handle, _) = [ referredName reader handle ]

        member this.GetTypeFromSpecification(reader, (), handle, _) =
            reader.GetTypeSpecification(handle).DecodeSignature(this, ())
    }

let private namesIn (reader: MetadataReader) (handle: EntityHandle) : string list =
    match handle.Kind with
    | _ when handle.IsNil -> []
    | HandleKind.TypeDefinition -> [ definedName reader (TypeDefinitionHandle.op_Explicit handle) ]
    | HandleKind.TypeReference -> [ referredName reader (TypeReferenceHandle.op_Explicit handle) ]
    | HandleKind.TypeSpecification ->
        reader.GetTypeSpecification(TypeSpecificationHandle.op_Explicit handle).DecodeSignature(typeNames, ())
    | _ -> []

/// What a token in code stands for; `isRead` where it takes a value.
let rec private mentions (reader: MetadataReader) (isRead: bool) (handle: EntityHandle) : Mention list =
    let ofType owner name isField =
        match owner with
        | [] -> []
        | first :: _ ->
            let found = { Type = first; Name = name }

            [
                yield! owner |> List.map Names

                if not isField then
                    Calls found
                elif isRead then
                    Reads found
            ]

    match handle.Kind with
    | HandleKind.MethodDefinition ->
        let method' = reader.GetMethodDefinition(MethodDefinitionHandle.op_Explicit handle)
        ofType [ definedName reader (method'.GetDeclaringType()) ] (reader.GetString method'.Name) false
    | HandleKind.FieldDefinition ->
        let field = reader.GetFieldDefinition(FieldDefinitionHandle.op_Explicit handle)
        ofType [ definedName reader (field.GetDeclaringType()) ] (reader.GetString field.Name) true
    | HandleKind.MemberReference ->
        let reference = reader.GetMemberReference(MemberReferenceHandle.op_Explicit handle)

        let isField = reference.GetKind() = MemberReferenceKind.Field
        ofType (namesIn reader reference.Parent) (reader.GetString reference.Name) isField
    | HandleKind.MethodSpecification ->
        let specification =
            reader.GetMethodSpecification(MethodSpecificationHandle.op_Explicit handle)

        let arguments = specification.DecodeSignature(typeNames, ()) |> List.concat

        mentions reader isRead specification.Method @ List.map Names arguments
    | _ -> namesIn reader handle |> List.map Names

/// The operations of a body with their operands, where these are tokens.
let private operations (body: MethodBodyBlock) : struct (OpCode * int) list =
    let mutable il = body.GetILReader()

    [
        while il.RemainingBytes > 0 do
            let first = int (il.ReadByte())

            let code =
                opCodes[if first = 0xFE then
                            0xFE00 ||| int (il.ReadByte())
                        else
                            first]

            match code.OperandType with
            | OperandType.InlineNone -> struct (code, 0)
            | OperandType.ShortInlineBrTarget
            | OperandType.ShortInlineI
            | OperandType.ShortInlineVar ->
                il.ReadByte() |> ignore
                struct (code, 0)
            | OperandType.InlineVar ->
                il.ReadInt16() |> ignore
                struct (code, 0)
            | OperandType.InlineI8
            | OperandType.InlineR ->
                il.ReadInt64() |> ignore
                struct (code, 0)
            | OperandType.InlineSwitch ->
                for _ in 1 .. il.ReadInt32() do
                    il.ReadInt32() |> ignore

                struct (code, 0)
            | OperandType.InlineField
            | OperandType.InlineMethod
            | OperandType.InlineTok
            | OperandType.InlineType -> struct (code, il.ReadInt32())
            | _ ->
                il.ReadInt32() |> ignore
                struct (code, 0)
    ]

let private hasAttribute (reader: MetadataReader) (name: string) (attributes: CustomAttributeHandleCollection) : bool =
    attributes
    |> Seq.exists (fun handle ->
        mentions reader false (reader.GetCustomAttribute handle).Constructor
        |> List.contains (Names name))

let private code (pe: PEReader) (reader: MetadataReader) (handle: MethodDefinitionHandle) : Code =
    let definition = reader.GetMethodDefinition handle

    let operations =
        if definition.RelativeVirtualAddress = 0 then
            []
        else
            operations (pe.GetMethodBody definition.RelativeVirtualAddress)

    let isRead (code: OpCode) =
        code <> OpCodes.Stsfld && code <> OpCodes.Stfld

    {
        Member =
            {
                Type = definedName reader (definition.GetDeclaringType())
                Name = reader.GetString definition.Name
            }
        Mentions =
            operations
            |> List.filter (fun (struct (_, token)) -> token <> 0)
            |> List.collect (fun (struct (code, token)) ->
                mentions reader (isRead code) (MetadataTokens.EntityHandle token))
            |> List.distinct
        IsVirtual = definition.Attributes.HasFlag MethodAttributes.Virtual
        IsAccessor =
            match operations |> List.map (fun (struct (code, _)) -> code.Name) with
            | [ "ldsfld"; "ret" ]
            | [ "ldarg.0"; "ldfld"; "ret" ] -> true
            | _ -> false
        IsStatic = definition.Attributes.HasFlag MethodAttributes.Static
        IsGenerated =
            hasAttribute
                reader
                "System.Runtime.CompilerServices.CompilerGeneratedAttribute"
                (definition.GetCustomAttributes())
    }

/// Reads an assembly.
let read (path: string) : Contents =
    use file = File.OpenRead path
    use pe = new PEReader(file)
    let reader = pe.GetMetadataReader()

    let entry =
        match pe.PEHeaders.CorHeader with
        | null -> 0
        | header -> header.EntryPointTokenOrRelativeVirtualAddress

    let isStruct (handle: TypeDefinitionHandle) =
        namesIn reader (reader.GetTypeDefinition handle).BaseType = [ "System.ValueType" ]

    let codes = [ for handle in reader.MethodDefinitions -> code pe reader handle ]

    {
        Name = reader.GetString(reader.GetAssemblyDefinition().Name)
        EntryPoint =
            if entry = 0 then
                ValueNone
            else
                mentions reader false (MetadataTokens.EntityHandle entry)
                |> List.tryPick (fun mention ->
                    match mention with
                    | Calls found -> Some found
                    | _ -> None)
                |> ValueOption.ofOption
        Codes = codes
        Structs =
            [
                for handle in reader.TypeDefinitions do
                    if isStruct handle then
                        definedName reader handle
            ]
    }
