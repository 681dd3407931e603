using System.Net;
using Porthole.Protocol;

namespace Porthole.AspNetCore;

/// <summary>One end of a connection between peers, as ASP.NET Core shows it in place of an address.</summary>
/// <param name="id">The peer's id.</param>
/// <param name="name">Its name at the server; null for none.</param>
public sealed class PeerEndPoint(PeerId id, string? name) : EndPoint, IEquatable<PeerEndPoint>
{
    /// <summary>The peer's id, which it has proved.</summary>
    public PeerId Id { get; } = id;

    /// <summary>Its name at the server; null for none.</summary>
    public string? Name { get; } = name;

    /// <inheritdoc/>
    public bool Equals(PeerEndPoint? other) => other is not null && Id == other.Id && Name == other.Name;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as PeerEndPoint);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Id, Name);

    /// <summary>The name with the id, or the id.</summary>
    public override string ToString() => Name is null ? Id.ToString() : $"{Name}@{Id}";
}
