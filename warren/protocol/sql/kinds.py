"""Trino's classes of statements, and the type that its resource groups know each by."""

SELECT = "SELECT"
UNKNOWN = "UNKNOWN"

_CLASSES = {
    SELECT: "Query",
    "EXPLAIN": "Explain",
    "DESCRIBE": """
        DescribeInput DescribeOutput ShowBranches ShowCatalogs ShowColumns ShowCreate ShowFunctions ShowGrants
        ShowRoleGrants ShowRoles ShowSchemas ShowSession ShowStats ShowTables
    """,
    "ALTER_TABLE_EXECUTE": "TableExecute",
    "INSERT": "CreateTableAsSelect Insert RefreshMaterializedView",
    "UPDATE": "Update",
    "DELETE": "Delete",
    "MERGE": "Merge",
    "ANALYZE": "Analyze",
    "DATA_DEFINITION": """
        AddColumn Call Comment Commit CreateBranch CreateCatalog CreateFunction CreateMaterializedView CreateRole
        CreateSchema CreateTable CreateView Deallocate Deny DropBranch DropCatalog DropColumn DropDefaultValue DropFunction
        DropMaterializedView DropNotNullConstraint DropRole DropSchema DropTable DropView FastForwardBranch Grant GrantRoles
        Prepare RefreshView RenameColumn RenameMaterializedView RenameSchema RenameTable RenameView ResetSession
        ResetSessionAuthorization Revoke RevokeRoles Rollback SetAuthorizationStatement SetColumnType SetDefaultValue SetPath
        SetProperties SetRole SetSession SetSessionAuthorization SetTimeZone StartTransaction TruncateTable Use
    """,
    "": "Execute ExecuteImmediate",
}
"""An EXECUTE that stays one, because its statement is not known, has no type. ExplainAnalyze has that of what it explains."""

RESOURCE_GROUP_TYPES = {kind: type_ for type_, kinds in _CLASSES.items() for kind in kinds.split()}

CLASSES = frozenset({*RESOURCE_GROUP_TYPES, "ExplainAnalyze"})
"""Every class that a statement can have here."""
TYPES = frozenset({*_CLASSES, UNKNOWN}) - {""}
"""Every type."""


def resource_group_type(kind: str) -> str:
    """The type of a class of statements, such as `DATA_DEFINITION` of `CreateTable`."""
    return RESOURCE_GROUP_TYPES.get(kind, UNKNOWN)
