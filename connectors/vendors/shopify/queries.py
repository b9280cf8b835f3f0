"""What we ask of Shopify's Admin GraphQL 2026-10. Nothing that the schema marks deprecated; each within 1,000 points."""

from __future__ import annotations

import json
from collections.abc import Sequence

_PICTURE = "id ... on MediaImage { alt fileStatus fileErrors { code message } image { url } }"
_FACTS = """
    id handle title descriptionHtml vendor productType tags updatedAt
    category { fullName }
    metafield(namespace: "packshot", key: "pictures") { value compareDigest }
"""
_VARIANT = "id sku selectedOptions { name value }"


def product_fields(media: int, variants: int, keys: Sequence[str] = ()) -> str:
    """What a product is made of, with so many pictures and variants and these metafields (`namespace.key`)."""
    more = f"metafields(first: 25, keys: {json.dumps(list(keys))}) {{ nodes {{ namespace key type value }} }}" if keys else ""
    return f"""{_FACTS} {more}
    media(first: {media}) {{ nodes {{ {_PICTURE} }} pageInfo {{ hasNextPage endCursor }} }}
    variants(first: {variants}) {{
      nodes {{ {_VARIANT} media(first: 1) {{ nodes {{ id }} }} }} pageInfo {{ hasNextPage endCursor }}
    }}"""


def changed(keys: Sequence[str] = ()) -> str:
    """Products by the time of their change."""
    return f"""query Changed($query: String!, $after: String) {{
  products(first: 6, after: $after, query: $query, sortKey: UPDATED_AT) {{
    nodes {{ {product_fields(10, 20, keys)} }} pageInfo {{ hasNextPage endCursor }}
  }}
}}"""


def one_product(keys: Sequence[str] = ()) -> str:
    """One product by its id."""
    return f"query OneProduct($id: ID!) {{ product(id: $id) {{ {product_fields(100, 100, keys)} }} }}"


def one_variant(keys: Sequence[str] = ()) -> str:
    """The product of a variant."""
    return f"query OneVariant($id: ID!) {{ productVariant(id: $id) {{ product {{ {product_fields(100, 100, keys)} }} }} }}"


def everything(keys: Sequence[str] = ()) -> str:
    """The bulk query of the whole catalogue: five connections, two of them nested, as many as Shopify allows."""
    more = f"metafields(keys: {json.dumps(list(keys))}) {{ edges {{ node {{ id namespace key type value }} }} }}" if keys else ""
    return f"""{{ products {{ edges {{ node {{ {_FACTS} {more}
    media {{ edges {{ node {{ {_PICTURE} }} }} }}
    variants {{ edges {{ node {{ {_VARIANT} media {{ edges {{ node {{ id }} }} }} }} }} }}
  }} }} }} }}"""


MORE_MEDIA = f"""query MoreMedia($id: ID!, $after: String) {{
  product(id: $id) {{ media(first: 100, after: $after) {{ nodes {{ {_PICTURE} }} pageInfo {{ hasNextPage endCursor }} }} }}
}}"""
MORE_VARIANTS = f"""query MoreVariants($id: ID!, $after: String) {{
  product(id: $id) {{
    variants(first: 100, after: $after) {{
      nodes {{ {_VARIANT} media(first: 1) {{ nodes {{ id }} }} }} pageInfo {{ hasNextPage endCursor }}
    }}
  }}
}}"""
OWNER = "query Owner($id: ID!) { productVariant(id: $id) { product { id } } }"
GALLERY = f"""query Gallery($id: ID!) {{
  product(id: $id) {{
    id metafield(namespace: "packshot", key: "pictures") {{ value compareDigest }}
    media(first: 100) {{ nodes {{ {_PICTURE} }} pageInfo {{ hasNextPage endCursor }} }}
    variants(first: 100) {{ nodes {{ id media(first: 1) {{ nodes {{ id }} }} }} }}
  }}
}}"""
VARIANT_MEDIA = """query VariantMedia($ids: [ID!]!) {
  nodes(ids: $ids) { ... on ProductVariant { id media(first: 1) { nodes { id } } } }
}"""
FILES = f"query Files($ids: [ID!]!) {{ nodes(ids: $ids) {{ {_PICTURE} }} }}"
NAMED = f"query Named($query: String!) {{ files(first: 10, query: $query) {{ nodes {{ {_PICTURE} }} }} }}"
GONE = """query Gone($query: String!, $after: String) {
  events(first: 100, after: $after, query: $query, sortKey: CREATED_AT) {
    nodes { createdAt ... on BasicEvent { action subjectId } } pageInfo { hasNextPage endCursor }
  }
}"""
BULK_START = """mutation BulkStart($query: String!) {
  bulkOperationRunQuery(query: $query, groupObjects: true) {
    bulkOperation { id createdAt } userErrors { code message }
  }
}"""
BULK = "query Bulk($id: ID!) { bulkOperation(id: $id) { status errorCode url fileSize createdAt } }"
STAGE = """mutation Stage($input: [StagedUploadInput!]!) {
  stagedUploadsCreate(input: $input) {
    stagedTargets { url resourceUrl parameters { name value } } userErrors { message }
  }
}"""
CREATE = """mutation Create($files: [FileCreateInput!]!) {
  fileCreate(files: $files) { files { id fileStatus } userErrors { code message } }
}"""
UPDATE = """mutation Update($files: [FileUpdateInput!]!) {
  fileUpdate(files: $files) { files { id } userErrors { code message } }
}"""
DELETE = "mutation Delete($ids: [ID!]!) { fileDelete(fileIds: $ids) { deletedFileIds userErrors { code message } } }"
REORDER = """mutation Reorder($id: ID!, $moves: [MoveInput!]!) {
  productReorderMedia(id: $id, moves: $moves) { job { id done } mediaUserErrors { code message } }
}"""
JOB = "query Job($id: ID!) { job(id: $id) { done } }"
ATTACH = """mutation Attach($id: ID!, $pairs: [ProductVariantAppendMediaInput!]!) {
  productVariantAppendMedia(productId: $id, variantMedia: $pairs) { product { id } userErrors { code message } }
}"""
DETACH = """mutation Detach($id: ID!, $pairs: [ProductVariantDetachMediaInput!]!) {
  productVariantDetachMedia(productId: $id, variantMedia: $pairs) { product { id } userErrors { code message } }
}"""
LEDGER = """mutation Ledger($metafields: [MetafieldsSetInput!]!) {
  metafieldsSet(metafields: $metafields) { metafields { compareDigest } userErrors { code message } }
}"""
_KEYS = ["custom.width"]
OPERATIONS = (
    changed(), changed(_KEYS), one_product(), one_product(_KEYS), one_variant(), one_variant(_KEYS),
    MORE_MEDIA, MORE_VARIANTS, OWNER, GALLERY, VARIANT_MEDIA, FILES, NAMED, GONE, BULK_START, BULK, STAGE, CREATE, UPDATE, DELETE,
    REORDER, JOB, ATTACH, DETACH, LEDGER,
)  # fmt: skip
"""All of them, for the test that walks them against the schema; `everything` goes inside BULK_START."""
