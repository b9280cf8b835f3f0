"""What is asked about products, with the custom fields that the user's mapping and options name."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.sources.mapping import Mapping
from connectors.vendors.connection import Connection
from connectors.vendors.vendure.client import custom_field

PRODUCT_FIELD, VARIANT_FIELD = "custom.", "variant."
"""How a mapping names a product's and a variant's custom fields."""


@dataclass(frozen=True, slots=True)
class Queries:
    """`alt` is the custom field of assets that holds their text, "" for none."""

    alt: str
    products: str
    product: str
    changed_variants: str
    asset: str
    gallery: str
    variant_gallery: str


def queries_for(connection: Connection, mapping: Mapping) -> Queries:
    """Raises SettingsError for a custom field with another kind of name."""
    alt = connection.option("alt")
    asset = "fragment Asset on Asset { id name source " + (_custom([custom_field(connection, alt)]) if alt else "") + "}"
    own, variants = (_named(connection, mapping, prefix) for prefix in (PRODUCT_FIELD, VARIANT_FIELD))
    product = f"""fragment Product on Product {{
  id updatedAt name slug description enabled
  featuredAsset {{ ...Asset }} assets {{ ...Asset }}
  facetValues {{ name facet {{ code name }} }} collections {{ name breadcrumbs {{ id }} }}
  variants {{
    id updatedAt sku name featuredAsset {{ ...Asset }} assets {{ ...Asset }}
    facetValues {{ name facet {{ code name }} }} options {{ name group {{ name }} }} {_custom(variants)}
  }}
  {_custom(own)}
}}
{asset}"""
    return Queries(
        alt=alt,
        products=f"query Products($options: ProductListOptions) {{ list: products(options: $options) "
        f"{{ totalItems items {{ ...Product }} }} }}\n{product}",
        product=f"query Product($id: ID!) {{ product(id: $id) {{ ...Product }} }}\n{product}",
        changed_variants="query ChangedVariants($options: ProductVariantListOptions) { list: productVariants(options: $options) "
        "{ totalItems items { id updatedAt productId } } }",
        asset=asset,
        gallery=f"query Gallery($id: ID!) {{ owner: product(id: $id) "
        f"{{ featuredAsset {{ ...Asset }} assets {{ ...Asset }} }} }}\n{asset}",
        variant_gallery=f"query VariantGallery($id: ID!) {{ owner: productVariant(id: $id) "
        f"{{ productId featuredAsset {{ ...Asset }} assets {{ ...Asset }} }} }}\n{asset}",
    )


def _named(connection: Connection, mapping: Mapping, prefix: str) -> list[str]:
    named = sorted({column.removeprefix(prefix) for column in mapping.columns() if column.startswith(prefix)})
    return [custom_field(connection, name) for name in named]


def _custom(names: list[str]) -> str:
    return f"customFields {{ {' '.join(names)} }}" if names else ""
